# SPDX-License-Identifier: Apache-2.0
#
# Bash completion for holdfast(1): nouns, verbs, options, and the names that this
# hypervisor knows.

# _holdfast_names NOUN...: the names in a list of the command, e.g. of `vm list`.
_holdfast_names() {
    holdfast "$@" --json 2>/dev/null | sed -n 's/^ *"name": "\(.*\)",\{0,1\}$/\1/p'
}

# _holdfast_servers BALANCER: the addresses of its servers.
_holdfast_servers() {
    holdfast balancer show "$1" --json 2>/dev/null |
        sed -n 's/^ *"address": "\(.*\)",\{0,1\}$/\1/p'
}

# _holdfast_users: those that have a share.
_holdfast_users() {
    holdfast quota show --json 2>/dev/null | sed -n 's/^ *"user": "\(.*\)",\{0,1\}$/\1/p'
}

# _holdfast_words: what can stand after the words so far; COMP_CWORD is the one to complete.
_holdfast_words() {
    local -a words=()
    local i word previous=${COMP_WORDS[COMP_CWORD - 1]}
    # Options and their values are not counted: what is left is noun, verb and name.
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        --to | --from | --match | --via | --priority | --dead | --probe | --packet | --listen | --vm | --chain | \
            --parallel | --last | --store | --out | --vip | --server | --policy | --director | --gateway | \
            --mac-prefix | --mac-layout | --persistence | --slow-start | --sorry | --check | --check-interval | \
            --check-timeout | --rise | --fall | --user | --ip | --vlan | --mode | --env | --directory | --node | --most | --way | --amount | --hours-per-day | \
            --hours-per-week | --storage | --work-per-hour) ((i++)) ;;
        --) return ;; # A service's command.
        -*) ;;
        *) words+=("$word") ;;
        esac
    done
    case $previous in
    --to) _holdfast_names status; return ;;
    --node) _holdfast_names node list; return ;;
    --vm | --via | --from) _holdfast_names vm list; return ;;
    --chain) _holdfast_names chain list; return ;;
    --dead) echo drop bypass; return ;;
    --policy) echo mh rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf dynamic; return ;;
    --director) echo builtin external; return ;;
    --mac-layout) echo prefix suffix split table; return ;;
    --check) echo tcp http:/ command:/; return ;;
    --mode) echo checkpoint handoff; return ;;
    --way) echo adopt; return ;;
    --user) compgen -u; return ;;
    --match | --priority | --probe | --packet | --listen | --parallel | --last | --store | --out | --vip | \
        --server | --gateway | --mac-prefix | --persistence | --slow-start | --sorry | --check-interval | \
        --check-timeout | --rise | --fall | --ip | --vlan | --env | --directory | --most | --amount | --hours-per-day | --hours-per-week | \
        --storage | --work-per-hour) return ;;
    esac
    local options="--json --help --store"
    case "${words[*]}" in
    "") echo status vm chain balancer service node recovery quota env fleet events "$options" --version ;;
    vm) echo list show migrate protect "$options" ;;
    chain) echo add set list show del trace check "$options" ;;
    balancer) echo add list show del trace server "$options" ;;
    service) echo run list show stop pin migrate take-back "$options" ;;
    node) echo list show drain return "$options" ;;
    recovery) echo pool plan run allow history weights policy "$options" ;;
    quota) echo request show select del review usage "$options" ;;
    env) echo list show run "$options" ;;
    "env run"*) echo --user --node "$options" -- ;;
    fleet) echo init join status leave certificate "$options" ;;
    events) echo --follow --move --vm --chain --last "$options" ;;
    "vm show" | "vm protect") _holdfast_names vm list ;;
    "vm migrate") _holdfast_names vm list; echo --to --follow "$options" ;;
    "vm migrate "*) echo --to --follow "$options" ;;
    "vm protect "*) ((${#words[@]} > 3)) || echo on off ;;
    "chain show" | "chain set" | "chain del" | "chain trace") _holdfast_names chain list ;;
    "chain trace "*) echo --packet "$options" ;;
    "chain add "*) echo --match --via --symmetric --priority --dead --probe "$options" ;;
    "chain set "*) echo --via --dead --probe "$options" ;;
    "balancer add "*)
        echo --vip --server --director --policy --persistence --slow-start --sorry --check \
            --check-interval --check-timeout --rise --fall --gateway --mac-prefix --mac-layout \
            "$options" ;;
    "balancer show" | "balancer del" | "balancer trace") _holdfast_names balancer list ;;
    "balancer trace "*) echo --packet --from "$options" ;;
    "balancer server") echo add del drain weight limit "$options" ;;
    "balancer server "*)
        case ${#words[@]} in
        3) _holdfast_names balancer list ;;
        4) [[ ${words[2]} == add ]] || _holdfast_servers "${words[3]}" ;;
        *) echo "$options" ;;
        esac ;;
    "service run "*) echo --user --ip --vlan --gateway --mode --env --directory "$options" -- ;;
    "service show" | "service stop" | "service pin") _holdfast_names service list ;;
    "service take-back") _holdfast_names service list; echo --fenced "$options" ;;
    "service take-back "*) echo --fenced "$options" ;;
    "service pin "*) ((${#words[@]} > 3)) || echo on off ;;
    "node show" | "node return") _holdfast_names node list ;;
    "node drain") _holdfast_names node list; echo --follow --parallel "$options" ;;
    "node drain "*) echo --follow --parallel "$options" ;;
    "recovery plan") _holdfast_names vm list; echo --most "$options" ;;
    "recovery allow") _holdfast_names vm list; echo "$options" ;;
    "recovery history"*) echo --vm "$options" ;;
    "recovery run") _holdfast_names vm list; echo --way --gone "$options" ;;
    "recovery run "*) echo --way --gone "$options" ;;
    "recovery plan "*) echo --most "$options" ;;
    "recovery policy"*) echo --vm threshold= measure= versions= require= ways= pin= forbid= automatic= "$options" ;;
    "recovery weights"*) echo language= database= web-server= os= cpu= memory= disk= data= "$options" ;;
    "quota request "*)
        echo --amount --hours-per-day --hours-per-week --storage --work-per-hour --node --administrator \
            "$options" ;;
    "quota show" | "env show" | "quota select" | "quota del" | "quota usage" | "quota request") _holdfast_users ;;
    "quota select "*) _holdfast_names node list ;;
    "quota review") echo --dry-run "$options" ;;
    "fleet leave") echo --node "$options" ;;
    "fleet init") echo --listen "$options" ;;
    "fleet certificate") _holdfast_names node list; echo --out "$options" ;;
    "fleet certificate "*) echo --out "$options" ;;
    *) echo "$options" ;;
    esac
}

_holdfast() {
    local current=${COMP_WORDS[COMP_CWORD]} before=""
    # The last of several names with commas is the one to complete.
    if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --via && $current == *,* ]]; then
        before=${current%,*},
        current=${current##*,}
    fi
    mapfile -t COMPREPLY < <(compgen -P "$before" -W "$(_holdfast_words)" -- "$current")
}

complete -F _holdfast holdfast
