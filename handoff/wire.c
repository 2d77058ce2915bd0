/* SPDX-License-Identifier: Apache-2.0
 *
 * handoff/wire: see wire.h.
 */
#include "handoff/wire.h"

#include <string.h>

/* What the payload of each type holds, in this order. */
enum {
    HAS_NUMBER = 1, /* u32. */
    HAS_NAME = 2,   /* u32 with its size (only if HAS_STATE: else it is all that is left). */
    HAS_REASON = 4, /* All that is left. */
    HAS_STATE = 8,  /* All that is left, perhaps nothing. */
};

static unsigned contents_of(unsigned type)
{
    switch (type) {
    case HANDOFF_HELLO:
        return HAS_NUMBER | HAS_NAME;
    case HANDOFF_SOCKET:
        return HAS_NUMBER | HAS_NAME | HAS_STATE;
    case HANDOFF_MORE:
        return HAS_STATE;
    case HANDOFF_DONE:
        return HAS_NUMBER;
    case HANDOFF_REFUSED:
        return HAS_REASON;
    default:
        return 0;
    }
}

static void put_u32(uint8_t* to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 24);
    to[1] = (uint8_t)(value >> 16);
    to[2] = (uint8_t)(value >> 8);
    to[3] = (uint8_t)value;
}

static uint32_t get_u32(const uint8_t* from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static bool is_printable(const char* text, size_t size, size_t most)
{
    if (size == 0 || size > most)
        return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return true;
}

bool handoff_is_name(const char* text, size_t size)
{
    return is_printable(text, size, HOLDFAST_HANDOFF_NAME_MAX) && !memchr(text, ':', size);
}

size_t handoff_encode(const struct handoff_message* message, uint8_t* head)
{
    const unsigned has = contents_of(message->type);
    uint8_t* at = head + HANDOFF_HEADER_SIZE;
    size_t after = 0; /* Bytes that follow the head. */

    if (has & HAS_NUMBER) {
        put_u32(at, message->number);
        at += 4;
    }
    if ((has & HAS_NAME) && (has & HAS_STATE)) {
        put_u32(at, (uint32_t)message->text_size);
        at += 4;
    }
    if (has & (HAS_NAME | HAS_REASON))
        after += message->text_size;
    if (has & HAS_STATE)
        after += message->state_size;

    head[0] = HANDOFF_VERSION;
    head[1] = (uint8_t)message->type;
    head[2] = head[3] = 0;
    put_u32(head + 4, (uint32_t)((size_t)(at - head) - HANDOFF_HEADER_SIZE + after));
    return (size_t)(at - head);
}

/* The payload's members; `size` bytes are left at `at`. */
static const char* decode_payload(unsigned has, const uint8_t* at, size_t size,
                                  struct handoff_message* message)
{
    if (has & HAS_NUMBER) {
        if (size < 4)
            return "a message is cut short";
        message->number = get_u32(at);
        at += 4, size -= 4;
    }
    if (has & (HAS_NAME | HAS_REASON)) {
        size_t text_size = size;
        if (has & HAS_STATE) {
            if (size < 4)
                return "a message is cut short";
            text_size = get_u32(at);
            at += 4, size -= 4;
            if (text_size > size)
                return "a name is longer than its message";
        }
        message->text = (const char*)at;
        message->text_size = text_size;
        at += text_size, size -= text_size;
        if ((has & HAS_NAME) && !handoff_is_name(message->text, text_size))
            return "a name is not 1 to 255 printable characters without ':'";
        if ((has & HAS_REASON) &&
            !is_printable(message->text, text_size, HOLDFAST_HANDOFF_REASON_MAX))
            return "a reason is not one line of at most 400 printable characters";
    }
    if (has & HAS_STATE) {
        message->state = at;
        message->state_size = size;
        return NULL;
    }
    return size == 0 ? NULL : "a message is longer than it should be";
}

/* What the lengths and the type leave open. */
static const char* check(const struct handoff_message* message)
{
    switch (message->type) {
    case HANDOFF_HELLO:
        return message->number & ~(uint32_t)(HOLDFAST_HANDOFF_GIVES | HOLDFAST_HANDOFF_TAKES |
                                             HANDOFF_STOPPED | HANDOFF_AGREED)
                   ? "a hello has roles that nobody knows"
                   : NULL;
    case HANDOFF_SOCKET:
        if (message->number > HOLDFAST_HANDOFF_STATE_MAX)
            return "a socket's state is larger than 16 MiB";
        return message->state_size > message->number ? "a socket has more state than it said"
                                                     : NULL;
    case HANDOFF_MORE:
        return message->state_size == 0 ? "a message is empty" : NULL;
    default:
        return NULL;
    }
}

const char* handoff_decode(const uint8_t* packet, size_t size, struct handoff_message* message)
{
    memset(message, 0, sizeof *message);
    if (size < HANDOFF_HEADER_SIZE)
        return "a message is cut short";
    if (packet[0] != HANDOFF_VERSION)
        return "it speaks another version of the protocol than 1";
    if (packet[1] < HANDOFF_HELLO || packet[1] > HANDOFF_REFUSED)
        return "a message has a type that nobody knows";
    if (packet[2] || packet[3])
        return "a message has bytes set that must be 0";
    if (get_u32(packet + 4) != size - HANDOFF_HEADER_SIZE || size > HANDOFF_MESSAGE_MAX)
        return "a message is not as long as it says";
    message->type = (enum handoff_type)packet[1];
    const char* wrong = decode_payload(contents_of(packet[1]), packet + HANDOFF_HEADER_SIZE,
                                       size - HANDOFF_HEADER_SIZE, message);
    return wrong ? wrong : check(message);
}
