#include "config/document.h"

#include "config/suggest.h"

#include <algorithm>
#include <fmt/format.h>

// toml++ 3.3 asserts what a file can make untrue ("[[" and the key on the next line), although the code behind it
// reports just that. So neither abort there nor let the compiler assume it, which is what NDEBUG would do.
#undef NDEBUG
#define TOML_ASSERT(condition) static_cast<void>(0)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#define TOML_MAX_NESTED_VALUES 16
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <toml++/toml.h>
#pragma GCC diagnostic pop

namespace ring3::config {

namespace {

Place place_of(toml::source_region const& source) {
    return {source.begin.line, source.begin.column};
}
Place place_of(toml::node const& node) {
    return place_of(node.source());
}

std::string_view kind_of(toml::node const& node) {
    switch (node.type()) {
    case toml::node_type::none: return "nothing";
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a text";
    case toml::node_type::integer: return "a number";
    case toml::node_type::floating_point: return "a fraction";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date";
    }
    return "something else";
}

std::string_view wish_of(Type type) {
    switch (type) {
    case Type::text: return "a text between quotes";
    case Type::file: return "a file's name between quotes";
    case Type::flag: return "true or false";
    case Type::number: return "a whole number";
    case Type::size: return "a number of MiB or a text such as \"512M\"";
    case Type::list: return "a text, or a list of texts";
    case Type::files: return "a file's name, or a list of them";
    }
    return "";
}

/// "a, b or c".
std::string alternatives(std::span<std::string_view const> words) {
    std::string result;
    for (std::size_t i = 0; i < words.size(); ++i)
        result += fmt::format("{}\"{}\"", i == 0 ? "" : i + 1 == words.size() ? " or " : ", ", words[i]);
    return result;
}

class Reader {
public:
    Document read(std::string_view text);

private:
    void complain(Place place, std::string message) { problems_.push_back({place, std::move(message)}); }
    Record read_table(Table const& table, toml::table const& source, Place place, std::optional<std::string> name);
    void read_key(Table const& table, Record& record, toml::key const& key, toml::node const& node);
    void read_tables(Table const& table, Record& into, toml::node const& node);
    void read_named(Table const& table, Record& into, toml::table const& source);
    std::optional<Value> read_value(Key const& key, toml::node const& node);
    std::optional<std::vector<Element>> read_list(Key const& key, toml::node const& node);
    bool check_number(Key const& key, i64 number, Place place);
    bool check_text(Key const& key, std::string const& text, Place place);
    void wrong_type(Key const& key, toml::node const& node) {
        complain(place_of(node), fmt::format("'{}' is {}, not {}", key.name, wish_of(key.type), kind_of(node)));
    }
    Problems problems_;
};

std::string title_of(Table const& table) {
    if (table.name.empty()) return "the file";
    return table.times == Times::once ? fmt::format("[{}]", table.name) : fmt::format("[[{}]]", table.name);
}

// ---- values

bool Reader::check_number(Key const& key, i64 number, Place place) {
    if (number >= key.least && number <= key.most) return true;
    complain(place, fmt::format("'{}' is {} to {}, not {}", key.name, key.least, key.most, number));
    return false;
}

bool Reader::check_text(Key const& key, std::string const& text, Place place) {
    // Neither a host's file nor a command line can have it.
    if (text.find('\0') != text.npos) {
        complain(place, fmt::format("'{}' has a NUL character", key.name));
        return false;
    }
    if (key.words.empty() || std::ranges::find(key.words, text) != key.words.end()) return true;
    complain(place, fmt::format("'{}' is {}, not \"{}\"{}", key.name, alternatives(key.words), text,
                                did_you_mean(text, key.words)));
    return false;
}

std::optional<std::vector<Element>> Reader::read_list(Key const& key, toml::node const& node) {
    std::vector<Element> elements;
    bool good = true;
    auto const add = [&](toml::node const& element) {
        if (auto const* text = element.as_string())
            good &= check_text(key, **text, place_of(element)), elements.push_back({**text, place_of(element)});
        else if (auto const* number = element.as_integer())
            elements.push_back({std::to_string(**number), place_of(element)});
        else
            wrong_type(key, element), good = false;
    };
    if (auto const* array = node.as_array())
        for (auto const& element : *array) add(element);
    else
        add(node);
    return good ? std::optional{std::move(elements)} : std::nullopt;
}

std::optional<Value> Reader::read_value(Key const& key, toml::node const& node) {
    Value value{.key = &key, .place = place_of(node), .content = {}};
    auto const* const text = node.as_string();
    auto const* const number = node.as_integer();
    bool good = false;
    switch (key.type) {
    case Type::text:
    case Type::file:
        if (!text) break;
        value.content = **text;
        return check_text(key, **text, value.place) ? std::optional{value} : std::nullopt;
    case Type::flag:
        if (auto const* flag = node.as_boolean()) value.content = **flag, good = true;
        break;
    case Type::number:
        if (!number) break;
        value.content = i64{**number};
        return check_number(key, **number, value.place) ? std::optional{value} : std::nullopt;
    case Type::size:
        if (text) value.content = **text, good = check_text(key, **text, value.place);
        if (number) value.content = std::to_string(**number), good = true;
        if (text && !good) return {};
        break;
    case Type::list:
    case Type::files:
        auto elements = read_list(key, node);
        if (!elements) return {};
        value.content = *std::move(elements);
        return value;
    }
    if (!good) wrong_type(key, node);
    return good ? std::optional{value} : std::nullopt;
}

// ---- tables

void Reader::read_key(Table const& table, Record& record, toml::key const& name, toml::node const& node) {
    auto const key = std::ranges::find(table.keys, name.str(), &Key::name);
    if (key != table.keys.end()) {
        if (auto value = read_value(*key, node)) record.values.push_back(*std::move(value));
        return;
    }
    auto const inner = std::ranges::find(table.inner, name.str(), &Table::short_name);
    if (inner != table.inner.end()) return read_tables(*inner, record, node);
    std::vector<std::string_view> known;
    for (auto const& one : table.keys) known.push_back(one.name);
    for (auto const& one : table.inner) known.push_back(one.short_name());
    bool const is_table = node.is_table() || node.is_array_of_tables();
    complain(place_of(name.source()), fmt::format("unknown {} '{}' in {}{}", is_table ? "table" : "key", name.str(),
                                                  title_of(table), did_you_mean(name.str(), known)));
}

Record Reader::read_table(Table const& table, toml::table const& source, Place place, std::optional<std::string> name) {
    Record record{.table = &table, .place = place, .values = {}, .inner = {}};
    for (auto const& [key, node] : source) read_key(table, record, key, node);
    if (name) {
        if (auto const* twice = record.find("name"))
            complain(twice->place, fmt::format("the name is '{}' already", *name));
        else
            record.values.push_back({&table.keys.front(), place, *std::move(name)});
    }
    for (auto const& key : table.keys)
        if (key.required && !source.contains(key.name) && !record.find(key.name))
            complain(place, fmt::format("{} needs '{}'", title_of(table), key.name));
    std::ranges::stable_sort(record.values, {}, &Value::key);
    std::ranges::stable_sort(record.inner, {}, &Record::place);
    return record;
}

/// [vm.a]: each key is a name.
void Reader::read_named(Table const& table, Record& into, toml::table const& source) {
    for (auto const& [key, node] : source) {
        if (auto const* one = node.as_table())
            into.inner.push_back(read_table(table, *one, place_of(key.source()), std::string{key.str()}));
        else
            complain(place_of(key.source()), fmt::format("[{}] needs 'name'", table.name));
    }
}

void Reader::read_tables(Table const& table, Record& into, toml::node const& node) {
    if (auto const* array = node.as_array()) {
        if (table.times == Times::once) return complain(place_of(node), fmt::format("there is one [{}]", table.name));
        for (auto const& element : *array) {
            if (auto const* one = element.as_table())
                into.inner.push_back(read_table(table, *one, place_of(element), {}));
            else
                complain(place_of(element), fmt::format("'{}' is a table, not {}", table.name, kind_of(element)));
        }
        return;
    }
    auto const* const one = node.as_table();
    if (!one) return complain(place_of(node), fmt::format("'{}' is a table, not {}", table.name, kind_of(node)));
    auto const is_inner_table = [&](auto const& pair) {
        return pair.second.is_table() &&
               std::ranges::find(table.inner, pair.first.str(), &Table::short_name) == table.inner.end();
    };
    bool const named =
        table.times == Times::many_named && !one->contains("name") && std::ranges::any_of(*one, is_inner_table);
    if (named) return read_named(table, into, *one);
    into.inner.push_back(read_table(table, *one, place_of(node), {}));
}

Document Reader::read(std::string_view text) {
    static Table const whole{"", "", Times::once, {}, tables()};
    Document document;
    auto const parsed = toml::parse(text);
    if (!parsed) {
        complain(place_of(parsed.error().source()), std::string{parsed.error().description()});
        document.file.table = &whole;
    } else {
        document.file = read_table(whole, parsed.table(), {}, {});
    }
    std::ranges::stable_sort(problems_);
    document.problems = std::move(problems_);
    return document;
}

} // namespace

// ---- records

Value const* Record::find(std::string_view key) const {
    auto const found = std::ranges::find_if(values, [&](Value const& value) { return value.key->name == key; });
    return found == values.end() ? nullptr : &*found;
}

std::string Record::text(std::string_view key) const {
    Value const* const value = find(key);
    return value ? std::get<std::string>(value->content) : "";
}

std::optional<i64> Record::number(std::string_view key) const {
    Value const* const value = find(key);
    return value ? std::optional{std::get<i64>(value->content)} : std::nullopt;
}

bool Record::flag(std::string_view key) const {
    Value const* const value = find(key);
    return value && std::get<bool>(value->content);
}

std::vector<Element> Record::list(std::string_view key) const {
    Value const* const value = find(key);
    return value ? std::get<std::vector<Element>>(value->content) : std::vector<Element>{};
}

Place Record::place_of(std::string_view key) const {
    Value const* const value = find(key);
    return value ? value->place : place;
}

std::vector<Record const*> Record::all(std::string_view short_name) const {
    std::vector<Record const*> result;
    for (auto const& record : inner)
        if (record.table->short_name() == short_name) result.push_back(&record);
    return result;
}

Document read_document(std::string_view text) {
    return Reader{}.read(text);
}

} // namespace ring3::config
