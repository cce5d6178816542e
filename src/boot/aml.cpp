#include "boot/aml.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace ring3::boot::aml {

namespace {

// ACPI 20.3, in the order of the table.
constexpr u8 zero_op = 0x00, one_op = 0x01, name_op = 0x08, byte_prefix = 0x0a, word_prefix = 0x0b, dword_prefix = 0x0c,
             scope_op = 0x10, buffer_op = 0x11, package_op = 0x12, ext_op_prefix = 0x5b, device_op = 0x82;
// ACPI 6.4.2, 6.4.3: tags of resource descriptors.
constexpr u8 irq_no_flags_tag = 0x22, io_tag = 0x47, end_tag = 0x79, dword_tag = 0x87, word_tag = 0x88;
enum class WindowType : u8 { memory = 0, ports = 1, bus = 2 };

Term raw(std::initializer_list<u8> bytes) {
    return {bytes};
}

template <class T> Term little_endian(T value) {
    Term term;
    for (std::size_t i = 0; i < sizeof(T); ++i) term.bytes.push_back(static_cast<u8>(u64{value} >> (8 * i)));
    return term;
}

/// PkgLength (20.2.4): counts itself, in one byte up to 63, else four bits and up to three bytes more.
Term with_length(Term const& body) {
    std::size_t const size = body.bytes.size();
    if (size + 1 < 0x40) return raw({static_cast<u8>(size + 1)}) + body;
    unsigned const more = size + 2 < 0x1000 ? 1 : 2;
    std::size_t const total = size + 1 + more;
    Term length = raw({static_cast<u8>(more << 6 | (total & 0xf))});
    for (unsigned i = 0; i < more; ++i) length.bytes.push_back(static_cast<u8>(total >> (4 + 8 * i)));
    return length + body;
}

Term name_string(std::string_view path) {
    Term term;
    if (path.starts_with('\\')) {
        term.bytes.push_back('\\');
        path.remove_prefix(1);
    }
    for (std::size_t i = 0; i < 4; ++i) term.bytes.push_back(i < path.size() ? static_cast<u8>(path[i]) : u8{'_'});
    return term;
}

/// An address-space descriptor (6.4.3.5) of fixed limits: granularity, first, last, translation, length.
template <class T> Term window(u8 tag, WindowType type, u8 type_flags, Range range) {
    constexpr u8 producer_min_max_fixed = 0x0c;
    Term const body = raw({static_cast<u8>(type), producer_min_max_fixed, type_flags}) + little_endian(T{0}) +
                      little_endian(static_cast<T>(range.first)) + little_endian(static_cast<T>(range.last)) +
                      little_endian(T{0}) + little_endian(static_cast<T>(range.last - range.first + 1));
    return raw({tag}) + little_endian(static_cast<u16>(body.bytes.size())) + body;
}

} // namespace

Term integer(u32 value) {
    if (value == 0) return raw({zero_op});
    if (value == 1) return raw({one_op});
    if (value <= 0xff) return raw({byte_prefix, static_cast<u8>(value)});
    if (value <= 0xffff) return raw({word_prefix}) + little_endian(static_cast<u16>(value));
    return raw({dword_prefix}) + little_endian(value);
}

Term eisa_id(std::string_view id) {
    auto const letter = [&](std::size_t i) { return static_cast<u32>(id[i] - 'A' + 1) & 0x1f; };
    auto const digit = [&](std::size_t i) {
        return static_cast<u32>(id[i] <= '9' ? id[i] - '0' : id[i] - 'A' + 10) & 0xf;
    };
    u32 const vendor = letter(0) << 10 | letter(1) << 5 | letter(2);
    u32 const product = digit(3) << 12 | digit(4) << 8 | digit(5) << 4 | digit(6);
    u32 const big_endian = vendor << 16 | product;
    return raw({dword_prefix, static_cast<u8>(big_endian >> 24), static_cast<u8>(big_endian >> 16),
                static_cast<u8>(big_endian >> 8), static_cast<u8>(big_endian)});
}

Term package(std::vector<Term> const& elements) {
    Term body = raw({static_cast<u8>(elements.size())});
    for (auto const& element : elements) body = std::move(body) + element;
    return raw({package_op}) + with_length(body);
}

Term name(std::string_view path, Term const& value) {
    return raw({name_op}) + name_string(path) + value;
}

Term scope(std::string_view path, Term const& body) {
    return raw({scope_op}) + with_length(name_string(path) + body);
}

Term device(std::string_view segment, Term const& body) {
    return raw({ext_op_prefix, device_op}) + with_length(name_string(segment) + body);
}

Term io_ports(u16 first, u8 count) {
    constexpr u8 decode_16 = 1, alignment = 1;
    return raw({io_tag, decode_16}) + little_endian(first) + little_endian(first) + raw({alignment, count});
}

Term irq(u8 number) {
    return raw({irq_no_flags_tag}) + little_endian(static_cast<u16>(1u << number));
}

Term bus_numbers(Range range) {
    return window<u16>(word_tag, WindowType::bus, 0, range);
}

Term port_window(Range range) {
    constexpr u8 entire_range = 3;
    return window<u16>(word_tag, WindowType::ports, entire_range, range);
}

Term memory_window(Range range) {
    constexpr u8 writable = 1;
    return window<u32>(dword_tag, WindowType::memory, writable, range);
}

Term resource_template(std::initializer_list<Term> resources) {
    Term list;
    for (auto const& resource : resources) list = std::move(list) + resource;
    list = std::move(list) + raw({end_tag, 0}); // a checksum of zero: not used
    Term const size = integer(static_cast<u32>(list.bytes.size()));
    return raw({buffer_op}) + with_length(size + list);
}

} // namespace ring3::boot::aml
