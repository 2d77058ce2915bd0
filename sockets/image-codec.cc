// SPDX-License-Identifier: Apache-2.0
//
// sockets/image: the form on the wire, described in doc/service-sockets.md.
#include <config.h>

#include <sys/socket.h>

#include <algorithm>
#include <type_traits>

#include "sockets/image.h"

namespace holdfast::sockets {

namespace {

constexpr std::string_view magic = "HFSK";
constexpr std::uint8_t version = 1;

/// Appends numbers in network order, and bytes behind their number.
class Writer {
public:
    template <class T>
    void number(T value)
    {
        for (int shift = (sizeof(T) - 1) * 8; shift >= 0; shift -= 8)
            out_ += static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xff);
    }
    void bytes(std::string_view value)
    {
        number(static_cast<std::uint32_t>(value.size()));
        out_ += value;
    }
    void raw(std::string_view value) { out_ += value; }
    void reserve(std::size_t size) { out_.reserve(size); }
    std::string take() { return std::move(out_); }

private:
    std::string out_;
};

/// Reads what Writer wrote; after a failure everything reads as 0, and ok() is false.
class Reader {
public:
    explicit Reader(std::string_view in) : in_{in} {}

    template <class T>
    void number(T& value)
    {
        std::uint64_t read = 0;
        for (const char octet : taken(sizeof(T)))
            read = read << 8 | static_cast<unsigned char>(octet);
        value = static_cast<T>(read);
    }
    /// Only 0 and 1 are booleans.
    void number(bool& value)
    {
        std::uint8_t read = 0;
        number(read);
        ok_ = ok_ && read <= 1;
        value = read == 1;
    }
    void bytes(std::string& value)
    {
        std::uint32_t size = 0;
        number(size);
        value = taken(size);
    }
    std::string_view taken(std::size_t size)
    {
        if (!ok_ || size > in_.size()) {
            ok_ = false;
            return {};
        }
        const std::string_view found = in_.substr(0, size);
        in_.remove_prefix(size);
        return found;
    }
    /// A number of things, each of at least `size` octets, that can still be there.
    std::uint32_t count(std::size_t size)
    {
        std::uint32_t n = 0;
        number(n);
        ok_ = ok_ && n <= in_.size() / size;
        return ok_ ? n : 0;
    }
    void require(bool fact) { ok_ = ok_ && fact; }
    bool ok() const { return ok_; }
    bool at_end() const { return in_.empty(); }

private:
    std::string_view in_;
    bool ok_ = true;
};

void write(Writer& out, const Endpoint& endpoint)
{
    out.raw({reinterpret_cast<const char*>(endpoint.ip.data()), endpoint.ip.size()});
    out.number(endpoint.port);
}

void read(Reader& in, Endpoint& endpoint)
{
    const std::string_view ip = in.taken(endpoint.ip.size());
    std::copy(ip.begin(), ip.end(), endpoint.ip.begin());
    in.number(endpoint.port);
}

void write(Writer& out, const Stream& stream)
{
    out.number(static_cast<std::uint8_t>(stream.state));
    out.number(stream.failed);
    out.number(stream.reading_shut);
    out.number(stream.receive_next);
    out.number(stream.write_next);
    out.bytes(stream.received);
    out.bytes(stream.unacknowledged);
    out.bytes(stream.unsent);
    out.number(stream.mss);
    out.number(stream.window_scaling);
    out.number(stream.send_scale);
    out.number(stream.receive_scale);
    out.number(stream.sack);
    out.number(stream.timestamps);
    out.number(stream.microseconds);
    out.number(stream.timestamp);
    for (const std::uint32_t value :
         {stream.window.snd_wl1, stream.window.snd_wnd, stream.window.max_window,
          stream.window.rcv_wnd, stream.window.rcv_wup, stream.window_clamp})
        out.number(value);
}

/// States that a process can hold a connection in.
bool is_holdable(TcpState state)
{
    switch (state) {
    case TcpState::established:
    case TcpState::syn_sent:
    case TcpState::fin_wait1:
    case TcpState::fin_wait2:
    case TcpState::closed:
    case TcpState::close_wait:
    case TcpState::last_ack:
    case TcpState::closing:
        return true;
    case TcpState::syn_received:
    case TcpState::time_wait:
    case TcpState::listening:
        break;
    }
    return false;
}

void read(Reader& in, Stream& stream)
{
    in.number(stream.state);
    in.number(stream.failed);
    in.number(stream.reading_shut);
    in.number(stream.receive_next);
    in.number(stream.write_next);
    in.bytes(stream.received);
    in.bytes(stream.unacknowledged);
    in.bytes(stream.unsent);
    in.number(stream.mss);
    in.number(stream.window_scaling);
    in.number(stream.send_scale);
    in.number(stream.receive_scale);
    in.number(stream.sack);
    in.number(stream.timestamps);
    in.number(stream.microseconds);
    in.number(stream.timestamp);
    for (std::uint32_t* value :
         {&stream.window.snd_wl1, &stream.window.snd_wnd, &stream.window.max_window,
          &stream.window.rcv_wnd, &stream.window.rcv_wup, &stream.window_clamp})
        in.number(*value);
    in.require(is_holdable(stream.state) && stream.send_scale <= 14 && stream.receive_scale <= 14);
}

void read_options(Reader& in, std::vector<OptionValue>& options)
{
    options.resize(in.count(sizeof(std::uint16_t) + sizeof(std::uint32_t)));
    for (OptionValue& option : options) {
        in.number(option.id);
        in.bytes(option.value);
    }
}

void read_datagrams(Reader& in, std::vector<Datagram>& datagrams)
{
    datagrams.resize(in.count(2 * 18 + sizeof(std::uint32_t)));
    for (Datagram& datagram : datagrams) {
        read(in, datagram.source);
        read(in, datagram.destination);
        in.bytes(datagram.bytes);
        in.require(datagram.bytes.size() <= 65507);
    }
}

void read_common(Reader& in, SocketImage& image)
{
    in.number(image.kind);
    in.number(image.family);
    read(in, image.local);
    read(in, image.remote);
    in.bytes(image.device);
    in.number(image.non_blocking);
    in.number(image.user);
    in.number(image.group);
    in.number(image.receive_buffer);
    in.number(image.send_buffer);
    in.number(image.buffer_lock);
    in.number(image.reuse_address);
    read_options(in, image.options);
    in.require(image.family == AF_INET || image.family == AF_INET6);
    in.require(image.device.size() < 16 && image.buffer_lock <= 3);
    in.require(image.kind >= Kind::connection && image.kind <= Kind::datagram);
}

} // namespace

std::string encode(const SocketImage& image)
{
    Writer out;
    const Stream& stream = image.stream;
    out.reserve(256 + stream.received.size() + stream.unacknowledged.size() + stream.unsent.size());
    out.raw(magic);
    out.number(version);
    out.number(static_cast<std::uint8_t>(image.kind));
    out.number(image.family);
    write(out, image.local);
    write(out, image.remote);
    out.bytes(image.device);
    out.number(image.non_blocking);
    out.number(image.user);
    out.number(image.group);
    out.number(image.receive_buffer);
    out.number(image.send_buffer);
    out.number(image.buffer_lock);
    out.number(image.reuse_address);
    out.number(static_cast<std::uint32_t>(image.options.size()));
    for (const OptionValue& option : image.options) {
        out.number(option.id);
        out.bytes(option.value);
    }
    if (image.kind == Kind::listener)
        out.number(image.backlog);
    if (image.kind == Kind::connection)
        write(out, stream);
    if (image.kind == Kind::datagram) {
        out.number(static_cast<std::uint32_t>(image.datagrams.size()));
        for (const Datagram& datagram : image.datagrams) {
            write(out, datagram.source);
            write(out, datagram.destination);
            out.bytes(datagram.bytes);
        }
    }
    return out.take();
}

Result<SocketImage> decode(std::string_view bytes)
{
    Reader in{bytes};
    if (in.taken(magic.size()) != magic)
        return Error{Errc::damaged, "a socket's image does not begin with HFSK"};
    std::uint8_t made_by = 0;
    in.number(made_by);
    if (made_by > version)
        return Error{Errc::too_new, "a socket's image has version " + std::to_string(made_by) +
                                        ", this program knows 1: update Holdfast"};
    in.require(made_by == version);
    SocketImage image;
    read_common(in, image);
    if (image.kind == Kind::listener)
        in.number(image.backlog);
    if (image.kind == Kind::connection)
        read(in, image.stream);
    if (image.kind == Kind::datagram)
        read_datagrams(in, image.datagrams);
    if (!in.ok() || !in.at_end())
        return Error{Errc::damaged,
                     "a socket's image is damaged (" + std::to_string(bytes.size()) + " octets)"};
    return image;
}

} // namespace holdfast::sockets
