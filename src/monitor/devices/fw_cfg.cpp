#include "monitor/devices/fw_cfg.h"

#include <algorithm>

namespace ring3 {

namespace {

constexpr std::size_t directory_name_size = 56;

u64 big_endian(std::span<u8 const> bytes) {
    u64 value = 0;
    for (u8 const byte : bytes) value = value << 8 | byte;
    return value;
}

void put_big_endian(std::vector<u8>& out, u64 value, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) out.push_back(static_cast<u8>(value >> (8 * i)));
}

} // namespace

FwCfg::FwCfg(DmaMemory& memory) : memory_{memory} {
    constexpr std::array<u8, 4> name{'Q', 'E', 'M', 'U'};
    add(signature, name);
    add_number(interface, 3, 4); // bit 0: the traditional interface; bit 1: DMA
    add_number(file_directory, 0, 4);
}

std::vector<u8>& FwCfg::item(u16 key) {
    auto const found = std::ranges::find(items_, key, &Item::key);
    if (found != items_.end()) return found->bytes;
    return items_.emplace_back(Item{key, {}}).bytes;
}

void FwCfg::add(u16 key, std::span<u8 const> bytes) {
    item(key).assign(bytes.begin(), bytes.end());
}

void FwCfg::add_number(u16 key, u64 value, unsigned bytes) {
    std::vector<u8>& out = item(key);
    out.clear();
    for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<u8>(value >> (8 * i)));
}

/// The directory: a count, then per file size, key, 16 reserved bits and the name in 56 bytes, all big-endian.
void FwCfg::add_file(std::string_view name, std::span<u8 const> bytes) {
    u16 const key = static_cast<u16>(first_file + files_++);
    add(key, bytes);
    std::vector<u8>& directory = item(file_directory);
    put_big_endian(directory, bytes.size(), 4);
    put_big_endian(directory, key, 2);
    put_big_endian(directory, 0, 2);
    std::string_view const kept = name.substr(0, directory_name_size - 1);
    directory.insert(directory.end(), kept.begin(), kept.end());
    directory.insert(directory.end(), directory_name_size - kept.size(), 0);
    for (unsigned i = 0; i < 4; ++i) directory[i] = static_cast<u8>(u32{files_} >> (8 * (3 - i)));
}

void FwCfg::select(u16 key) {
    key_ = key & 0xbfff; // bit 14: open for writing
    position_ = 0;
}

/// What is left of the selected item.
std::span<u8 const> FwCfg::rest() const {
    auto const found = std::ranges::find(items_, key_, &Item::key);
    if (found == items_.end() || position_ >= found->bytes.size()) return {};
    return std::span{found->bytes}.subspan(position_);
}

/// Byte accesses to either port read data; behind an item's end, and of items that are not there, zeros.
u8 FwCfg::read(u16) {
    auto const left = rest();
    if (left.empty()) return 0;
    ++position_;
    return left.front();
}

void FwCfg::write(u16, u8) {} // data is read-only

u32 FwCfg::read_wide(u16, unsigned) {
    return 0; // the selector is write-only
}

void FwCfg::write_wide(u16 offset, u32 value, unsigned) {
    if (offset == 0) select(static_cast<u16>(value));
}

void FwCfg::reset() {
    select(0);
    dma_port_.address_ = {};
}

// ---- DMA

u8 FwCfg::DmaPort::read(u16 offset) {
    constexpr std::string_view name = "QEMU CFG"; // tells that the interface is there
    return static_cast<u8>(name[offset % name.size()]);
}

void FwCfg::DmaPort::write(u16 offset, u8 value) {
    address_[offset % address_.size()] = value;
    if (offset % address_.size() != address_.size() - 1) return;
    GuestPhys const request{big_endian(address_)};
    address_ = {};
    device_.serve(request);
}

/// A request: control, length and address, big-endian. Its control field becomes the answer.
void FwCfg::serve(GuestPhys request) {
    std::array<u8, 16> fields{};
    if (!memory_.read(request, fields)) return;
    std::span<u8 const> const all{fields};
    Control const control{{static_cast<u32>(big_endian(all.first(4)))}};
    if (control.has<Control::Select>()) select(static_cast<u16>(control.get<Control::Key>()));
    bool const fine = transfer(control, {big_endian(all.subspan(8))}, static_cast<u32>(big_endian(all.subspan(4, 4))));
    std::vector<u8> answer;
    put_big_endian(answer, fine ? 0 : Control::Error::mask, 4);
    memory_.write(request, answer);
}

bool FwCfg::transfer(Control control, GuestPhys address, u32 length) {
    auto const moves_on = static_cast<u32>(std::min<u64>(rest().size(), length));
    if (control.has<Control::Read>()) {
        if (!memory_.write(address, rest().first(moves_on))) return false;
        position_ += moves_on;
        static constexpr std::array<u8, 4096> zeros{};
        for (u32 done = moves_on; done < length;) {
            auto const piece = std::min<u32>(length - done, zeros.size());
            if (!memory_.write(address + done, std::span{zeros}.first(piece))) return false;
            done += piece;
        }
        return true;
    }
    if (control.has<Control::Write>()) return length == 0; // nothing may be written
    if (control.has<Control::Skip>()) position_ += moves_on;
    return true;
}

} // namespace ring3
