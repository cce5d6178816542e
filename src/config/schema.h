// The machine file's tables and keys: one row each. Reading, checking, documentation and completion use these rows, so
// that a key is known everywhere or nowhere.
//
//     [lab]                      one, may be missing
//     [[switch]]  [[volume]]     what several machines share
//     [[vm]]                     a machine
//       [[vm.drive]] [[vm.nic]]  what it has several of
//
// A table that may be there several times can be written as [[vm]] with name = "a", as [vm] if there is one, or as
// [vm.a].
#pragma once

#include "base/types.h"

#include <span>
#include <string>
#include <string_view>

namespace ring3::config {

enum class Type : u8 {
    text,
    file,   // a text: a file that must be there when the machine starts
    flag,   // true or false
    number, // from `least` to `most`
    size,   // a number of MiB, or a text as "512M"
    list,   // texts and numbers, or a single one
    files,  // a list of files
};

/// What becomes of a key on the command line of ring3-system-i386.
enum class Use : u8 {
    special, // command_line.cpp knows
    option,  // -OPTION VALUE
    enable,  // -OPTION if true
    on_off,  // -OPTION on or off
    each,    // -OPTION ELEMENT for each of a list
    words,   // -OPTION with the elements of a list between spaces
    commas,  // -OPTION with the elements of a list between commas
    pair,    // NAME=VALUE in the comma list of its table
};

struct Key {
    std::string_view name;
    Type type{};
    std::string_view form; // of its value, for people
    std::string_view help;
    Use use{};
    std::string_view option{};                 // without the dash; for `pair` empty: the key's own name
    std::span<std::string_view const> words{}; // if not empty: nothing else is possible
    i64 least{}, most{};                       // of a number
    bool required{};
};

/// How often a table may be there.
enum class Times : u8 { once, many_named, many };

struct Table {
    std::string_view name; // "vm.drive"
    std::string_view help;
    Times times{};
    std::span<Key const> keys;
    std::span<Table const> inner{};
    /// The last part of its name, as written within the table that it is in.
    std::string_view short_name() const { return name.substr(name.rfind('.') + 1); }
};

/// The tables of a file.
std::span<Table const> tables();

/// Every key with its table, for programs: "vm.drive.cache<TAB>form<TAB>help", a line each.
std::string key_list();

} // namespace ring3::config
