// SPDX-License-Identifier: Apache-2.0
//
// ctl/table: aligned columns and colour for people.
//
// Pure.  Used by everything in ctl/ that prints for people; scripts get JSON instead.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::ctl {

/// What a piece of text says, and so its colour on a terminal.
enum class Tone {
    plain, // No colour.
    good,  // As it should be: green.
    warn,  // Waits, or needs a look: yellow.
    bad,   // Wrong: red.
    dim,   // Of little weight.
    head,  // A heading: bold.
};

/// Whether and how to colour.
struct Style {
    bool colour = false; // True on a terminal only.

    /// `text` in the colour of `tone`, or as it is.
    std::string paint(std::string_view text, Tone tone) const;
};

/// Characters that `text` takes on a terminal: those of UTF-8, each one wide.
std::size_t width(std::string_view text);

/// One cell of a table.
struct Cell {
    Cell(std::string text_, Tone tone_ = Tone::plain) : text{std::move(text_)}, tone{tone_} {}
    Cell(const char* text_, Tone tone_ = Tone::plain) : text{text_}, tone{tone_} {}

    std::string text;
    Tone tone;
};

/// Rows under headings, each column as wide as its widest cell.
class Table {
public:
    /// A heading that starts with '>' aligns its column to the right.
    explicit Table(std::vector<std::string> headings);

    /// Adds a row; cells that are missing are empty.  Control characters become spaces.
    void add(std::vector<Cell> row);

    bool empty() const { return rows_.empty(); }

    /// The table, a newline after each line; every line begins with `indent` spaces.
    std::string text(const Style& style, std::size_t indent = 0) const;

private:
    std::vector<std::string> headings_;
    std::vector<bool> right_; // Columns aligned to the right.
    std::vector<std::vector<Cell>> rows_;
};

} // namespace holdfast::ctl
