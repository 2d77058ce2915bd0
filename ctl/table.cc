// SPDX-License-Identifier: Apache-2.0
//
// ctl/table: see table.h.
#include <config.h>

#include "ctl/table.h"

#include <algorithm>

#include "common/text.h"

namespace holdfast::ctl {

namespace {

const char* escape(Tone tone)
{
    switch (tone) {
    case Tone::plain:
        return "";
    case Tone::good:
        return "\033[32m";
    case Tone::warn:
        return "\033[33m";
    case Tone::bad:
        return "\033[31m";
    case Tone::dim:
        return "\033[2m";
    case Tone::head:
        return "\033[1m";
    }
    return "";
}

} // namespace

std::string Style::paint(std::string_view text, Tone tone) const
{
    if (!colour || tone == Tone::plain || text.empty())
        return std::string{text};
    return escape(tone) + std::string{text} + "\033[0m";
}

std::size_t width(std::string_view text)
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

Table::Table(std::vector<std::string> headings) : headings_{std::move(headings)}
{
    for (auto& heading : headings_) {
        right_.push_back(!heading.empty() && heading.front() == '>');
        if (right_.back())
            heading.erase(0, 1);
    }
}

void Table::add(std::vector<Cell> row)
{
    row.resize(headings_.size(), Cell{""});
    for (auto& cell : row)
        cell.text = one_line(cell.text);
    rows_.push_back(std::move(row));
}

std::string Table::text(const Style& style, std::size_t indent) const
{
    std::vector<std::vector<Cell>> lines{{}};
    for (const auto& heading : headings_)
        lines[0].emplace_back(heading, Tone::head);
    lines.insert(lines.end(), rows_.begin(), rows_.end());
    std::vector<std::size_t> widths(headings_.size());
    for (const auto& line : lines)
        for (std::size_t i = 0; i < widths.size(); ++i)
            widths[i] = std::max(widths[i], width(line[i].text));
    std::string all;
    for (const auto& line : lines) {
        std::string row(indent, ' ');
        for (std::size_t i = 0; i < widths.size(); ++i) {
            std::string blanks(widths[i] - width(line[i].text), ' ');
            std::string painted = style.paint(line[i].text, line[i].tone);
            row += right_[i] ? blanks + painted : painted + blanks;
            row += "  ";
        }
        row.erase(row.find_last_not_of(' ') + 1);
        all += row + "\n";
    }
    return all;
}

} // namespace holdfast::ctl
