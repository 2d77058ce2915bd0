// SPDX-License-Identifier: Apache-2.0
//
// common/jsonrpc: see jsonrpc.h.
#include <config.h>

#include "common/jsonrpc.h"

#include "common/json-text.h"

#include <nlohmann/json.hpp>

namespace holdfast::jsonrpc {

using nlohmann::json;

namespace {

bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// The object and its id, checked; the rest is the caller's.
Result<json> parse_object(std::string_view text)
{
    auto object = json::parse(text, nullptr, false);
    if (!object.is_object())
        return Error{Errc::damaged, "the message is not a JSON object"};
    auto id = object.find("id");
    if (id == object.end() || !id->is_number_integer())
        return Error{Errc::damaged, "the message has no number as its id"};
    return object;
}

} // namespace

std::string encode(const Request& request)
{
    return to_text({{"id", request.id}, {"method", request.method}, {"params", request.args}});
}

std::string encode(const Reply& reply)
{
    json message{{"id", reply.id}, {"result", nullptr}, {"error", nullptr}};
    message[reply.ok ? "result" : "error"] = reply.text;
    return to_text(message);
}

Result<Request> parse_request(std::string_view object)
{
    auto message = parse_object(object);
    if (!message)
        return message.error();
    auto method = message->find("method");
    if (method == message->end() || !method->is_string())
        return Error{Errc::damaged, "the message names no method"};
    Request request{message->at("id").get<std::int64_t>(), method->get<std::string>(), {}};
    auto params = message->find("params");
    if (params == message->end() || !params->is_array())
        return Error{Errc::damaged, "the message has no list of params"};
    for (const auto& param : *params) {
        if (!param.is_string())
            return Error{Errc::damaged, request.method + ": a param is not a string"};
        request.args.push_back(param.get<std::string>());
    }
    return request;
}

Result<Reply> parse_reply(std::string_view object)
{
    auto message = parse_object(object);
    if (!message)
        return message.error();
    auto part = [&message](const char* key) { return message->value(key, json{}); };
    json result = part("result"), error = part("error");
    if (result.is_string() == error.is_string())
        return Error{Errc::damaged, "the message has not one text as result or error"};
    bool ok = result.is_string();
    return Reply{message->at("id").get<std::int64_t>(), ok,
                 (ok ? result : error).get<std::string>()};
}

void Framer::feed(std::string_view bytes)
{
    buffer_.append(bytes);
}

bool Framer::idle() const
{
    for (char c : buffer_)
        if (!is_space(c))
            return false;
    return true;
}

Result<std::optional<std::string>> Framer::next()
{
    using Found = std::optional<std::string>;
    for (; scanned_ < buffer_.size(); ++scanned_) {
        char c = buffer_[scanned_];
        if (in_string_) {
            in_string_ = escaped_ || c != '"';
            escaped_ = !escaped_ && c == '\\';
        } else if (depth_ == 0 && c != '{') {
            if (!is_space(c))
                return Error{Errc::damaged, "the stream has something other than a JSON object"};
        } else if (c == '"') {
            in_string_ = true;
        } else if (c == '{' || c == '[') {
            if (depth_++ == 0)
                begin_ = scanned_;
        } else if ((c == '}' || c == ']') && --depth_ == 0) {
            std::string object = buffer_.substr(begin_, scanned_ + 1 - begin_);
            buffer_.erase(0, scanned_ + 1);
            scanned_ = 0;
            return Found{std::move(object)};
        }
        if (scanned_ >= limit_)
            return Error{Errc::damaged,
                         "a message is longer than " + std::to_string(limit_) + " bytes"};
    }
    return Found{};
}

} // namespace holdfast::jsonrpc
