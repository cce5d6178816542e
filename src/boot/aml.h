// A writer for the little ACPI Machine Language that a fixed board needs (ACPI 6.4, chapter 20).
//
// Every function returns the encoding of one term; terms nest by being arguments:
//
//     scope("\\_SB_", device("COM1", name("_HID", eisa_id("PNP0501")) + name("_UID", integer(1))))
#pragma once

#include "base/types.h"

#include <initializer_list>
#include <string_view>
#include <vector>

namespace ring3::boot::aml {

/// Encoded terms. `a + b` is a followed by b.
struct Term {
    std::vector<u8> bytes;
    friend Term operator+(Term left, Term const& right) {
        left.bytes.insert(left.bytes.end(), right.bytes.begin(), right.bytes.end());
        return left;
    }
};

Term integer(u32 value);
/// A compressed EISA identifier such as PNP0A03 (ACPI 19.6.36).
Term eisa_id(std::string_view id);
Term package(std::vector<Term> const& elements);

/// Names are one segment of four characters, padded with '_', after an optional '\'.
Term name(std::string_view path, Term const& value);
Term scope(std::string_view path, Term const& body);
Term device(std::string_view segment, Term const& body);

// ---- resources (ACPI 6.4): descriptors to be gathered by resource_template()
struct Range {
    u32 first{}, last{};
};
/// ISA ports at a fixed place, 16 address lines decoded.
Term io_ports(u16 first, u8 count);
/// ISA interrupts: edge-triggered, active high, not shared.
Term irq(u8 number);
/// Ranges that a bridge passes on to its bus.
Term bus_numbers(Range range);
Term port_window(Range range);
Term memory_window(Range range);
Term resource_template(std::initializer_list<Term> resources);

} // namespace ring3::boot::aml
