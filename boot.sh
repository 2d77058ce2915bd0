#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# From a fresh Debian 12 to a running Holdfast, in one command.  Safe to repeat and to interrupt:
# what is done already costs nothing, what was cut short is done again.
set -uo pipefail

usage() {
    cat <<'END'
usage: ./boot.sh build              install what is missing, build Open vSwitch once, build Holdfast
       ./boot.sh demo [--keep] [--json]
                                    build, then: two hypervisors, a chain, a live migration
       ./boot.sh check              build, then run every test; the last line counts them

Needs root on Debian 12.  Logs are in build/*.log.  HOLDFAST_CACHE (default
/var/cache/holdfast) keeps what needs to be made only once for this machine.
END
}

packages=(
    # To build Open vSwitch and Holdfast.
    openvswitch-source autoconf automake libtool pkg-config make g++ ccache python3
    libssl-dev libcap-ng-dev libunbound-dev
    libboost-dev libsqlite3-dev nlohmann-json3-dev libspdlog-dev libcli11-dev libvirt-dev cpputest
    libnftables-dev libmnl-dev libfuse3-dev libarchive-dev
    # To run it.
    openvswitch-switch openvswitch-common libvirt-daemon-system libvirt-clients
    libvirt-daemon-driver-qemu qemu-system-x86 sqlite3 criu
    libvirt-daemon-driver-lxc openssh-server
    # The lab, its guests and the tests.
    iproute2 iputils-ping nftables busybox-static cpio procps mandoc ipvsadm keepalived python3-os-ken
    systemd-journal-remote nginx-light ovn-central ovn-host
)

cd "$(dirname "$(readlink -f "$0")")" || exit 1
source_folder=$PWD
build=$source_folder/build
cache=${HOLDFAST_CACHE:-/var/cache/holdfast}
export HOLDFAST_CACHE=$cache
# What was compiled on this machine is not compiled again, in whatever folder the source is.
export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache} CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-2G}
policy=/usr/sbin/policy-rc.d
policy_is_ours=no

say() { printf 'boot: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

cleanup() {
    if [ "$policy_is_ours" = yes ]; then
        rm -f "$policy"
        policy_is_ours=no
    fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# step LOG TITLE COMMAND...: runs it with its output in build/LOG.log; one line of progress.
step() {
    local log=$build/$1.log title=$2 begin=$SECONDS
    shift 2
    if "$@" >"$log" 2>&1 </dev/null; then
        say "$title: done ($((SECONDS - begin)) s)"
        return
    fi
    say "$title: failed; the end of $log:"
    tail -n 25 "$log" >&2
    exit 1
}

need_rights() {
    [ "$(id -u)" = 0 ] || die "needs root (packages, namespaces): sudo ./boot.sh"
    if ! unshare --net --mount --uts --ipc --pid --fork true 2>/dev/null; then
        die "this machine lets root make no namespaces (in a container? it needs CAP_SYS_ADMIN and CAP_NET_ADMIN)"
    fi
    [ -c /dev/net/tun ] || die "no /dev/net/tun: load the tun module, or pass the device to this container"
    grep -q '^VERSION_ID="12"' /etc/os-release 2>/dev/null ||
        say "warning: not Debian 12; only that is tested"
}

missing_packages() {
    local package
    for package in "${packages[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$package"
    done
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} = 0 ] && return
    say "installing ${#missing[@]} packages: ${missing[*]}"
    # The lab starts its own daemons, in namespaces; packages start none on the machine.
    # One of ours can be left by a run that was killed.
    if [ ! -e "$policy" ] || grep -q 'Holdfast' "$policy"; then
        policy_is_ours=yes
        printf '#!/bin/sh\n# For as long as Holdfast installs packages.\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    step packages-list "package lists" apt-get -q update
    step packages "packages" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold install "${missing[@]}"
    cleanup
}

# Open vSwitch, unmodified, as the package openvswitch-source has it: unpacked and built in a
# folder of its own that gets its name only when all is done.
build_ovs_in() ( # A subshell: the folder changes for this alone.
    local folder=$1
    rm -rf "$folder"
    mkdir -p "$folder"
    tar -xf /usr/src/openvswitch/openvswitch.tar.gz -C "$folder" || return 1
    cd "$folder/openvswitch" || return 1
    if [ ! -x configure ]; then
        ./boot.sh || return 1
    fi
    ./configure --prefix=/usr --localstatedir=/var --sysconfdir=/etc --enable-ssl \
        CFLAGS="-g -O2 -fPIC" || return 1
    make -j"$(nproc)"
)

build_ovs() {
    local version
    version=$(dpkg-query -W -f '${Version}' openvswitch-source)
    ovs=$cache/ovs-$version/openvswitch
    [ -f "$ovs/lib/.libs/libopenvswitch.a" ] && return
    mkdir -p "$cache" || die "cannot write $cache: set HOLDFAST_CACHE to a folder that can be written"
    exec 8>"$cache/ovs.lock"
    flock -n 8 || { say "another ./boot.sh builds Open vSwitch: waiting for it"; flock 8; }
    if [ ! -f "$ovs/lib/.libs/libopenvswitch.a" ]; then
        say "building Open vSwitch $version once, some minutes"
        step ovs "Open vSwitch $version" build_ovs_in "$cache/ovs-$version.tmp"
        rm -rf "$cache/ovs-$version"
        mv "$cache/ovs-$version.tmp" "$cache/ovs-$version"
    fi
    exec 8>&-
}

build_holdfast() {
    exec 7>"$build/.lock"
    flock -n 7 || { say "another ./boot.sh builds here: waiting for it"; flock 7; }
    if [ ! -x configure ] || [ ! -f Makefile.in ]; then
        step autoreconf "autoreconf" autoreconf -fi
    fi
    if [ ! -f "$build/Makefile" ] || [ "$(cat "$build/.ovs" 2>/dev/null)" != "$ovs" ]; then
        # Line numbers are enough for who looks at a crash, and compiling takes a third less time.
        step configure "configure" env -C "$build" CC="${CC:-ccache gcc}" CXX="${CXX:-ccache g++}" \
            CXXFLAGS="${CXXFLAGS--g1 -O2}" ../configure --with-ovs-source="$ovs" \
            --prefix=/usr --sysconfdir=/etc --localstatedir=/var
        printf '%s\n' "$ovs" >"$build/.ovs"
    fi
    "$source_folder/lab/guest/fetch-kernel" --have "$cache/kernel" ||
        step kernel "kernel for the lab's guests" fetch_kernel
    step make "Holdfast" make -C "$build" -j"$(nproc)"
    step image "lab guests" "$source_folder/lab/lab" image
    exec 7>&-
}

# Debian's kernel for the lab's guests; package lists that are missing or old are fetched anew.
fetch_kernel() {
    "$source_folder/lab/guest/fetch-kernel" "$cache/kernel" && return
    apt-get -q update && "$source_folder/lab/guest/fetch-kernel" "$cache/kernel"
}

prepare() {
    need_rights
    mkdir -p "$build" || die "cannot write $build"
    install_packages
    build_ovs
    build_holdfast
}

# make_list NAME: the words of a list of the Makefile, e.g. TESTS.
make_list() {
    printf 'include Makefile\nprint-list:\n\t@echo $(%s)\n' "$1" |
        make -s -C "$build" -f - print-list | tail -n 1
}

# Adds one unit test program's tests to the counts; says which failed.
run_unit_tests() {
    local program=$1 log=$build/$1.log summary
    (cd "$build" && srcdir=$source_folder "./$program" -p >"$log" 2>&1)
    summary=$(grep -E '^(OK|Errors) \(' "$log" | tail -n 1)
    local ran failures ignored
    ran=$(sed -n 's/.*[ (]\([0-9]*\) ran,.*/\1/p' <<<"$summary")
    failures=$(sed -n 's/.*(\([0-9]*\) failures,.*/\1/p' <<<"$summary")
    ignored=$(sed -n 's/.*[ (]\([0-9]*\) ignored,.*/\1/p' <<<"$summary")
    if [ -z "$summary" ]; then
        say "$program ended without a summary; the end of $log:"
        tail -n 5 "$log" >&2
        ran=1 failures=1
    elif [ "${failures:-0}" -gt 0 ]; then
        grep -E 'error: Failure in' "$log" >&2
    fi
    ran=${ran:-0} failures=${failures:-0} ignored=${ignored:-0}
    # A test can fail in several places; more failures than tests is still that many tests.
    [ "$failures" -le "$ran" ] || failures=$ran
    n_passed=$((n_passed + ran - failures))
    n_failed=$((n_failed + failures))
    n_skipped=$((n_skipped + ignored))
    say "$program: $ran ran, $failures failed"
}

# The end of what each test that failed wrote, for a run whose files are gone afterwards.
show_failed_tests() {
    local number zeros
    for number in $(sed -nE 's/^ *([0-9]+): .* FAILED \(.*\)$/\1/p' "$1"); do
        say "the end of test $number's log:"
        for zeros in '' 0 00; do
            tail -n 40 "$build/testsuite/testsuite.dir/$zeros$number/testsuite.log" >&2 2>/dev/null
        done
    done
}

# How many tests of the whole run side by side: one a processor, as far as the memory of their guests
# (2 GiB a lab) allows.
test_jobs() {
    local jobs memory
    jobs=$(nproc)
    memory=$(awk '/^MemAvailable:/ { print int($2 / 2097152) }' /proc/meminfo)
    [ "$memory" -ge "$jobs" ] || jobs=$memory
    [ "$jobs" -ge 1 ] || jobs=1
    printf '%s\n' "$jobs"
}

# run_system_tests LOG OPTION...: adds tests of the whole (GNU Autotest) to the counts; shows each as it
# ends.
run_system_tests() {
    local suite=$source_folder/testsuite/testsuite log=$build/$1.log code failures
    shift
    [ -x "$suite" ] || { say "no $suite: the tests of the whole were not built"; return; }
    mkdir -p "$build/testsuite"
    (cd "$build/testsuite" && "$suite" "$@" 2>&1) </dev/null | tee "$log" >&2
    code=${PIPESTATUS[0]}
    failures=$(grep -cE '^ *[0-9]+: .* (FAILED \(.*\)|UNEXPECTED PASS)$' "$log")
    if [ "$code" != 0 ] && [ "$failures" = 0 ]; then
        say "the testsuite ended with $code; see $log"
        failures=1
    fi
    show_failed_tests "$log"
    n_passed=$((n_passed + $(grep -cE '^ *[0-9]+: .* (ok|expected failure.*)$' "$log")))
    n_failed=$((n_failed + failures))
    n_skipped=$((n_skipped + $(grep -cE '^ *[0-9]+: .* skipped \(.*\)$' "$log")))
}

check() {
    local programs data program
    n_passed=0 n_failed=0 n_skipped=0
    read -ra programs <<<"$(make_list TESTS)"
    read -ra data <<<"$(make_list check_DATA)"
    step check-build "tests built" make -C "$build" -j"$(nproc)" "${programs[@]}" "${data[@]}" all
    for program in "${programs[@]}"; do
        run_unit_tests "$program"
    done
    # Those with the keyword `alone` count every packet of a guest that moves, or are a machine of their own,
    # without a processor to spare here; those with `inside` run in such a one.
    run_system_tests testsuite -j"$(test_jobs)" -k '!inside,!alone'
    run_system_tests testsuite-alone -k alone
    printf '%d passed, %d failed, %d skipped\n' "$n_passed" "$n_failed" "$n_skipped"
    [ "$n_failed" = 0 ]
}

main() {
    local verb=${1:-}
    case $verb in
    -h | --help | help) usage; exit 0 ;;
    build | check)
        [ $# = 1 ] || { usage >&2; exit 2; }
        ;;
    demo) ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
    local word
    for word in "$@"; do
        case $word in
        --keep | --json) ;;
        *) say "unknown option $word"; usage >&2; exit 2 ;;
        esac
    done
    prepare
    case $verb in
    build) say "built in $build: ./boot.sh demo shows it, ./boot.sh check tests it" ;;
    demo) exec "$source_folder/lab/demo" "$@" ;;
    check) check ;;
    esac
}

main "$@"
