// SPDX-License-Identifier: Apache-2.0
//
// bench/conversation: see the header; what the service says is in handoff/counter-talk.h.
#include <config.h>

#include "bench/conversation.h"

#include <algorithm>
#include <cstdio>

namespace holdfast::bench {
namespace {

constexpr std::uint64_t step = 0x9E3779B97F4A7C15;

/// FNV-1a, 64 bits, and the number of bytes.
class Sum {
public:
    void add(std::string_view bytes)
    {
        n_ += bytes.size();
        for (const char byte : bytes)
            sum_ = (sum_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
    /// As the service says it.
    std::string line() const
    {
        char text[40];
        std::snprintf(text, sizeof text, "%llu %016llx\n", static_cast<unsigned long long>(n_),
                      static_cast<unsigned long long>(sum_));
        return text;
    }

private:
    std::uint64_t n_ = 0, sum_ = 0xcbf29ce484222325;
};

/// Takes what came from the front of what is expected; false if it is something else.
bool take_from(std::string& expected, std::string_view bytes)
{
    if (!expected.starts_with(bytes))
        return false;
    expected.erase(0, bytes.size());
    return true;
}

/// The service sends.
class Source : public Conversation {
public:
    explicit Source(std::uint64_t seed)
        : first_{"source " + std::to_string(seed) + "\n"}, word_{seed}
    {
    }
    std::string_view next() override { return first_; }
    void sent(std::size_t size) override { first_.erase(0, size); }
    bool take(std::string_view bytes) override
    {
        for (const char byte : bytes) {
            if (static_cast<char>(word_ * step >> 8 * n_) != byte)
                return false;
            n_ = (n_ + 1) % 8;
            word_ += n_ == 0;
        }
        return true;
    }
    void finish() override {}
    bool complete() const override { return true; }

private:
    std::string first_;
    std::uint64_t word_;
    unsigned n_ = 0; // Bytes of this word that have come.
};

/// We send, and the service tells the sum of all at the end.
class Sink : public Conversation {
public:
    explicit Sink(std::uint64_t seed)
    {
        for (std::uint64_t i = 0; block_.size() < 65536; ++i)
            block_ += std::to_string((seed + i) * step) + " ";
    }
    std::string_view next() override
    {
        if (!first_.empty())
            return first_;
        return finishing_ ? std::string_view{} : std::string_view{block_}.substr(at_);
    }
    void sent(std::size_t size) override
    {
        if (!first_.empty()) {
            first_.erase(0, size);
            return;
        }
        sum_.add(std::string_view{block_}.substr(at_, size));
        at_ = (at_ + size) % block_.size();
    }
    bool take(std::string_view bytes) override { return finishing_ && take_from(expected_, bytes); }
    void finish() override
    {
        finishing_ = true;
        expected_ = sum_.line();
    }
    bool complete() const override { return expected_.empty(); }
    bool shuts() const override { return finishing_; }
    bool is_sending() const override { return true; }

private:
    std::string first_ = "sink\n", block_, expected_;
    std::size_t at_ = 0;
    Sum sum_;
    bool finishing_ = false;
};

/// A question, and then its answer.
class Questions : public Conversation {
public:
    /// `idle`: one for each ask(); else one after the other.
    Questions(std::uint64_t seed, bool idle)
        : seed_{std::to_string(seed)}, out_{idle ? "count\n" : "echo\n"}, idle_{idle}
    {
    }
    std::string_view next() override
    {
        if (out_.empty() && expected_.empty() && (idle_ ? asked_ : !finishing_))
            compose();
        return out_;
    }
    void sent(std::size_t size) override { out_.erase(0, size); }
    bool take(std::string_view bytes) override { return take_from(expected_, bytes); }
    void finish() override { finishing_ = true; }
    bool complete() const override { return out_.empty() && expected_.empty() && !asked_; }
    bool is_idle() const override { return idle_; }
    void ask() override { asked_ = true; }

private:
    void compose()
    {
        out_ = "question " + std::to_string(n_++) + " of " + seed_;
        out_.resize(idle_ ? 59 : 63, '.');
        out_ += '\n';
        sum_.add(out_);
        expected_ = idle_ ? sum_.line() : out_;
        asked_ = false;
    }

    std::string seed_, out_, expected_;
    std::uint64_t n_ = 0;
    Sum sum_;
    bool idle_, asked_ = false, finishing_ = false;
};

} // namespace

Result<std::unique_ptr<Conversation>> conversation(const std::string& kind, std::uint64_t seed)
{
    if (kind == "source")
        return std::unique_ptr<Conversation>{std::make_unique<Source>(seed)};
    if (kind == "sink")
        return std::unique_ptr<Conversation>{std::make_unique<Sink>(seed)};
    if (kind == "ping" || kind == "idle")
        return std::unique_ptr<Conversation>{std::make_unique<Questions>(seed, kind == "idle")};
    return Error{Errc::invalid, kind + " is no kind of peer: source, sink, ping or idle"};
}

} // namespace holdfast::bench
