// Document: a machine file as text turned into records, each table of the schema one record. What the schema knows is
// checked here: syntax, names of tables and keys, types, ranges, words of closed lists. What tables mean to each other
// is lab.h's affair.
#pragma once

#include "config/place.h"
#include "config/schema.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ring3::config {

/// A list keeps the place of each of its elements.
struct Element {
    std::string text;
    Place place;
};

struct Value {
    Key const* key{};
    Place place;
    std::variant<std::string, bool, i64, std::vector<Element>> content;
};

/// A table of the file. Keys come in the schema's order.
struct Record {
    Table const* table{};
    Place place;
    std::vector<Value> values;
    std::vector<Record> inner; // in the file's order

    Value const* find(std::string_view key) const;
    /// The text of a key; empty if it is not there.
    std::string text(std::string_view key) const;
    std::optional<i64> number(std::string_view key) const;
    bool flag(std::string_view key) const;
    /// The elements of a list; none if it is not there.
    std::vector<Element> list(std::string_view key) const;
    /// Of that key, or of the table.
    Place place_of(std::string_view key) const;
    /// Inner tables of that short name.
    std::vector<Record const*> all(std::string_view short_name) const;
};

struct Document {
    Record file;
    Problems problems; // in the order of their places
};

/// Reads a machine file. Never fails: what is wrong is in the problems, and what could be read in the records.
Document read_document(std::string_view text);

} // namespace ring3::config
