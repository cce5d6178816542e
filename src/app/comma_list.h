// QEMU's option values: "head,key=value,key,...", where ",," stands for a comma that separates nothing.
#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ring3::app {

struct KeyValue {
    std::string key;
    std::string value;
    bool has_value{}; // "key" alone is an abbreviation of "key=on"
};

/// The pieces between single commas, with ",," undone. An empty text has no pieces.
std::vector<std::string> split_commas(std::string_view text);

/// A comma list whose keys are taken out one by one; whatever nobody took is an error that names it.
class CommaList {
public:
    /// With a `head_key`, a first piece without '=' is that key's value: "pc,accel=tcg" for "type".
    explicit CommaList(std::string_view text, std::string_view head_key = {});

    /// Removes the key and gives its value; the last one wins.
    std::optional<std::string> take(std::string_view key);
    /// The same for a key that may be given several times: all its values, in their order.
    std::vector<std::string> take_all(std::string_view key);
    /// The same for a switch: on, off, yes, no, true, false; the bare key and "nokey" too.
    Result<std::optional<bool>> take_switch(std::string_view key);
    /// A number, decimal or 0x...
    Result<std::optional<u64>> take_number(std::string_view key, u64 most);
    /// An error if something is left.
    Result<void> finish(std::string_view option) const;

private:
    std::vector<KeyValue> pairs_;
};

/// A whole text as a number, decimal or 0x..., at most `most`.
std::optional<u64> parse_number(std::string_view text, u64 most);

} // namespace ring3::app
