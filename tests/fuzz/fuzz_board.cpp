#include "fuzz_board.h"

#include "base/assert.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace ring3::fuzz {

namespace {

constexpr u64 sector = 512;
constexpr unsigned first_card = 3; // its slot; the others follow
constexpr u64 disk_bytes = 4000 * sector, disc_bytes = 400 * 2048, floppy_bytes = 1'474'560;

PcConfig everything(Graphics graphics) {
    PcConfig config;
    config.graphics = graphics;
    config.ram_below_4g = guest_ram;
    config.rtc_epoch = 1'700'000'000;
    config.serial.fill(true);
    config.parallel = config.run_control = true;
    config.debug_console = u16{0xe9};
    config.debug_exit = PortRange{0xf4, 4};
    config.drives = {{DriveKind::ide_disk, 0, disk_bytes, false, "", "", {}},
                     {DriveKind::ide_disk, 1, disk_bytes, false, "", "", {}},
                     {DriveKind::ide_cdrom, 2, disc_bytes, true, "", "", {}},
                     {DriveKind::floppy, 0, floppy_bytes, false, "", "", {}},
                     {DriveKind::floppy, 1, floppy_bytes / 2, false, "", "", {}}};
    config.nics = {{NicModel::e1000, {2, 0, 0, 0, 0, 1}, {}, std::vector<u8>(4096), true},
                   {NicModel::rtl8139, {2, 0, 0, 0, 0, 2}, {}, {}, true}};
    VirtioDescription card;
    card.type = VirtioType::net;
    card.pci_class = 0x02'0000;
    card.features = 0xff;
    card.queue_sizes = {16, 16};
    card.config.assign(FuzzQueues::config_bytes, 7);
    card.writable.assign(FuzzQueues::config_bytes, 0x3f);
    config.virtio = {card};
    config.firmware.files = {{"etc/one", std::vector<u8>(1000, 1)}, {"opt/two", {}}};
    return config;
}

} // namespace

bool FuzzRam::read(GuestPhys address, std::span<u8> out) {
    if (!holds(address.raw, out.size())) return std::ranges::fill(out, u8{0xff}), false;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(address.raw), out.size(), out.begin());
    return true;
}

bool FuzzRam::write(GuestPhys address, std::span<u8 const> in) {
    if (!holds(address.raw, in.size())) return false;
    std::ranges::copy(in, bytes.begin() + static_cast<std::ptrdiff_t>(address.raw));
    return true;
}

void FuzzDisk::start(BlockOperation operation, u64 offset, u32 bytes, std::span<BlockSegment const> segments) {
    ASSERT(!busy_);
    bool const moves = operation == BlockOperation::read || operation == BlockOperation::write;
    ASSERT(operation == BlockOperation::flush || (offset <= bytes_ && bytes <= bytes_ - offset));
    if (moves) {
        u64 total = 0;
        for (BlockSegment const& segment : segments) {
            ASSERT(reaches(segment));
            total += segment.bytes;
        }
        ASSERT(segments.size() <= max_block_segments && bytes <= max_block_bytes);
        ASSERT(segments.empty() ? bytes <= buffer_.size() : total == bytes);
    }
    busy_ = true;
}

void FuzzDisk::answer(BlockStatus status) {
    if (!std::exchange(busy_, false)) return;
    tell_user(status);
}

void FuzzCable::send(std::span<u8 const> frame, u16) {
    ASSERT(frame.size() >= ethernet_header && frame.size() <= longest_frame);
}

void FuzzQueues::configured(u64, std::span<VirtioQueueSetup const> setups) {
    ASSERT(!resetting && !running);
    for (VirtioQueueSetup const& setup : setups)
        ASSERT(setup.number < 2 && setup.size <= 16 && std::has_single_bit(setup.size));
    running = true;
}

void FuzzQueues::kick(u32 numbers) {
    ASSERT(numbers < 4);
}

void FuzzQueues::config_written(u32 offset, std::span<u8 const> bytes) {
    ASSERT(offset <= config_bytes && bytes.size() <= config_bytes - offset);
}

FuzzBoard::FuzzBoard(Graphics graphics) : video(graphics == Graphics::none ? 0 : VgaMemory::planes_size) {
    for (u64 const bytes : {disk_bytes, disk_bytes, disc_bytes, floppy_bytes, floppy_bytes / 2})
        disks.emplace_back(ram, bytes);
    PcOutside outside;
    outside.serial.fill(&line);
    outside.parallel = outside.debug_console = &line;
    outside.dma = &ram;
    for (FuzzDisk& disk : disks) outside.disks.push_back(&disk);
    for (FuzzCable& cable : cables) outside.nics.push_back(&cable);
    outside.virtio = {&queues};
    outside.video_memory = video;
    pc_ = std::make_unique<Pc>(everything(graphics), clock_, outside, power_, a20_);
    targets_ = &find_targets(graphics);
}

FuzzBoard::Targets const& FuzzBoard::find_targets(Graphics graphics) {
    static std::array<Targets, 2> known;
    Targets& targets = known[graphics == Graphics::none ? 0 : 1];
    auto const of = [&](Device device) -> std::vector<Target>& { return targets[static_cast<unsigned>(device)]; };
    if (!of(Device::ide).empty()) return targets;

    using enum Target::Space;
    using enum Device;
    add_function(of(ide), pc::isa_bridge_slot, 1);
    for (u64 const base : {0x1f0, 0x170})
        of(ide).push_back({ports, base, 8}), of(ide).push_back({ports, base + 0x206, 1});
    for (u64 const base : {0x3f0, 0x80, 0x480, 0xc0, 0xd0}) of(floppy).push_back({ports, base, 8});
    of(floppy).push_back({ports, 0, 16});
    add_function(of(e1000), first_card, 0);
    add_function(of(rtl8139), first_card + 1, 0);
    add_function(of(virtio), first_card + 2, 0);
    of(fw_cfg) = {{ports, 0x510, 12}};
    if (graphics != Graphics::none) add_function(of(vga), pc::graphics_slot, 0);
    for (Target const& each : {Target{ports, 0x3b0, 48}, {ports, 0x1ce, 4}, {memory, VgaMemory::base, VgaMemory::size}})
        of(vga).push_back(each);
    for (unsigned const function : {0u, 3u})
        of(bridges).push_back({config, u64{pc::isa_bridge_slot * 8 + function} << 8, 256});
    for (Target const& each :
         {Target{config, pc::host_bridge_slot, 256}, {ports, 0xcf8, 8}, {ports, 0xb2, 2}, {ports, pc::pm_base, 64}})
        of(bridges).push_back(each);
    for (u64 const base : {0x60, 0x64, 0x92, 0x61}) of(keyboard).push_back({ports, base, 1});
    of(clocks) = {{memory, pc::local_apic, 4096}, {memory, pc::io_apic, 32}, {ports, 0x40, 4}};
    for (u64 const base : {0x20, 0xa0, 0x70, 0x4d0}) of(clocks).push_back({ports, base, 2});
    of(clocks).push_back({ports, 0x61, 1});
    for (u64 const base : {0x3f8, 0x2f8, 0x3e8, 0x378, 0x4f0, 0xf0, 0xe9}) of(characters).push_back({ports, base, 8});
    return targets;
}

/// Its configuration space and what its BARs decode.
void FuzzBoard::add_function(std::vector<Target>& targets, unsigned slot, unsigned function) {
    Target const config{Target::Space::config, u64{slot * 8 + function} << 8, 256};
    targets.push_back(config);
    for (u64 bar = 0x10; bar < 0x28; bar += 4) {
        u64 const base = read(config, bar, 4);
        write(config, bar, 0xffff'ffff, 4);
        u32 const mask = static_cast<u32>(read(config, bar, 4));
        write(config, bar, base, 4);
        if (mask == 0) continue;
        bool const is_ports = (mask & 1) != 0;
        u32 const flags = is_ports ? 3 : 15;
        targets.push_back(
            {is_ports ? Target::Space::ports : Target::Space::memory, base & ~u64{flags}, u64{~(mask & ~flags) + 1}});
    }
}

u64 FuzzBoard::read(Target const& target, u64 offset, unsigned bytes) {
    u64 const at = target.base + offset % target.size;
    if (target.space == Target::Space::memory) return pc_->mmio().read({at}, bytes);
    unsigned const most = std::min(bytes, 4u);
    if (target.space == Target::Space::ports) return pc_->ports().read(static_cast<u16>(at), most);
    pc_->ports().write(0xcf8, static_cast<u32>(0x8000'0000 | (at & ~u64{3})), 4);
    return pc_->ports().read(static_cast<u16>(0xcfc + (at & 3)), most);
}

void FuzzBoard::write(Target const& target, u64 offset, u64 value, unsigned bytes) {
    u64 const at = target.base + offset % target.size;
    if (target.space == Target::Space::memory) return pc_->mmio().write({at}, value, bytes);
    unsigned const most = std::min(bytes, 4u);
    u32 const low = static_cast<u32>(most == 4 ? value : value & ((u64{1} << 8 * most) - 1));
    if (target.space == Target::Space::ports) return pc_->ports().write(static_cast<u16>(at), low, most);
    pc_->ports().write(0xcf8, static_cast<u32>(0x8000'0000 | (at & ~u64{3})), 4);
    pc_->ports().write(static_cast<u16>(0xcfc + (at & 3)), low, most);
}

void FuzzBoard::pass_time(Nanoseconds time) {
    clock_.advance(time);
    pc_->timers().run_expired();
}

void FuzzBoard::settle() {
    if (std::exchange(power_.wants_reset, false)) pc_->reset();
    if (pc_->timers().next_deadline() <= clock_.now()) pc_->timers().run_expired();
}

} // namespace ring3::fuzz
