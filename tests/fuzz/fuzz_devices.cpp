// A guest that does anything to the devices of a whole board, while far ends answer and time passes: every access has a
// result, nothing but guest RAM is touched, and nothing goes out that the app would not take.
//
// Input: a byte that chooses the device at first, then steps: a byte for what is done (low bits) and how often (high bits),
// and what it needs.
#include "fuzz_board.h"
#include "screen/picture.h"
#include "screen/text.h"

#include <algorithm>
#include <cstring>

namespace {

using namespace ring3;
using namespace ring3::fuzz;

/// The bytes that are left; zeroes behind their end.
struct Input {
    std::span<u8 const> left;
    template <class Number = u8> Number take() {
        Number value{};
        std::span<u8 const> const bytes = take(sizeof value);
        std::memcpy(&value, bytes.data(), bytes.size());
        return value;
    }
    std::span<u8 const> take(std::size_t count) {
        auto const piece = left.first(std::min(count, left.size()));
        left = left.subspan(piece.size());
        return piece;
    }
};

class Guest {
public:
    Guest(FuzzBoard& board, std::span<u8 const> bytes) : board_{board}, input_{bytes} { choose(input_.take()); }
    void run() {
        constexpr int most_steps = 2000;
        for (int i = 0; i < most_steps && !input_.left.empty(); ++i) {
            step();
            board_.settle();
        }
    }

private:
    struct Place {
        Target target;
        u64 offset{};
        unsigned bytes{};
    };
    void choose(u8 number) {
        device_ = static_cast<FuzzBoard::Device>(number % static_cast<unsigned>(FuzzBoard::Device::count_));
    }
    Place place() {
        u8 const shape = input_.take();
        auto const targets = board_.targets(device_);
        Target const& target = targets[(shape >> 4) % targets.size()];
        u64 const offset = target.size > 0x1'0000 ? input_.take<u16>() * u64{4} + (shape >> 2 & 3)
                           : target.size > 0x100  ? input_.take<u16>()
                                                  : input_.take<u8>();
        return {target, offset, 1u << (shape & 3)};
    }
    u64 value(unsigned bytes) {
        u64 value = 0;
        auto const piece = input_.take(bytes);
        std::memcpy(&value, piece.data(), piece.size());
        return value;
    }
    void step();
    void access_anywhere(bool writes);
    void poke_bytes();
    void poke_address();
    void answer_disks(u8 choice);
    void outside(u8 choice);
    void receive_frame(unsigned card);
    void serve_queues(u8 choice);
    void people(u8 choice);
    void change_medium(unsigned disk, DriveKind kind, unsigned unit);

    FuzzBoard& board_;
    Input input_;
    FuzzBoard::Device device_{};
};

void Guest::step() {
    u8 const what = input_.take();
    unsigned const times = 1 + (what >> 4) * (what >> 4); // data ports want many
    switch (what & 15) {
    case 0:
    case 1:
    case 2: {
        Place const at = place();
        u64 const written = value(at.bytes);
        for (unsigned i = 0; i < times; ++i) board_.write(at.target, at.offset, written, at.bytes);
        break;
    }
    case 3: {
        Place const at = place();
        for (unsigned i = 0; i < times; ++i) board_.write(at.target, at.offset, value(at.bytes), at.bytes);
        break;
    }
    case 4:
    case 5: {
        Place const at = place();
        for (unsigned i = 0; i < times; ++i) board_.read(at.target, at.offset, at.bytes);
        break;
    }
    case 6: poke_bytes(); break;
    case 7: poke_address(); break;
    case 8: board_.pass_time(Nanoseconds{100} << 2 * (what >> 4)); break;
    case 9:
        for (unsigned i = 0; i < times && board_.pc().interrupt_pending(); ++i) board_.pc().acknowledge_interrupt();
        break;
    case 10: answer_disks(what >> 4); break;
    case 11: outside(what >> 4); break;
    case 12: choose(input_.take()); break;
    case 13: access_anywhere(false); break;
    case 14: access_anywhere(true); break;
    default: board_.pc().msr_write(0x1b, 0xfee0'0000 | input_.take<u16>()); break;
    }
}

void Guest::access_anywhere(bool writes) {
    u8 const shape = input_.take();
    Target const target{(shape & 4) ? Target::Space::memory : Target::Space::ports,
                        (shape & 4) ? input_.take<u32>() : input_.take<u16>(), 1};
    unsigned const bytes = 1u << (shape & 3);
    if (writes)
        board_.write(target, 0, value(bytes), bytes);
    else
        board_.read(target, 0, bytes);
}

void Guest::poke_bytes() {
    u64 const at = input_.take<u16>() * u64{4};
    auto const bytes = input_.take(input_.take() & 0x3f);
    board_.ram.write({at}, bytes);
}

/// A descriptor's pointer: eight bytes that lead into RAM.
void Guest::poke_address() {
    u64 const at = input_.take<u16>() * u64{4}, to = input_.take<u16>() * u64{4};
    std::array<u8, 8> bytes{};
    std::memcpy(bytes.data(), &to, bytes.size());
    board_.ram.write({at}, bytes);
}

void Guest::answer_disks(u8 choice) {
    auto const status = static_cast<BlockStatus>(choice % (static_cast<u8>(last_block_status) + 4));
    for (FuzzDisk& disk : board_.disks)
        disk.answer(std::min(status, last_block_status) == last_block_status ? BlockStatus::done : status);
}

void Guest::receive_frame(unsigned card) {
    NetworkCard* const nic = board_.pc().network_card(card);
    std::vector<u8> frame(std::clamp<std::size_t>(input_.take<u16>(), ethernet_header, longest_frame));
    std::ranges::copy(input_.take(std::min<std::size_t>(input_.take(), frame.size())), frame.begin());
    if (nic->can_receive())
        nic->receive(frame);
    else
        nic->frames_wait();
}

void Guest::serve_queues(u8 choice) {
    VirtioUser& user = *board_.pc().virtio_device(0);
    if (board_.queues.resetting && choice != 0) {
        board_.queues.resetting = board_.queues.running = false;
        return user.reset_done();
    }
    if (choice == 1) return user.broken();
    if (choice == 2) return user.config_changed(std::array<u8, FuzzQueues::config_bytes>{});
    user.used(choice & 1, input_.take<u16>(), VirtioUser::Index::to_be_written);
}

void Guest::people(u8 choice) {
    if (choice & 1) return board_.pc().keyboard().press({static_cast<u8>(input_.take() & 0x7f), (choice & 2) != 0});
    board_.pc().keyboard().move_mouse(static_cast<i8>(input_.take()), -5, static_cast<u8>(choice & 7));
}

void Guest::change_medium(unsigned disk, DriveKind kind, unsigned unit) {
    FuzzDisk& medium = board_.disks[disk];
    if (medium.is_busy()) return;
    medium.is_empty = !medium.is_empty;
    board_.pc().drives().medium_changed(kind, unit);
}

void Guest::outside(u8 choice) {
    switch (choice) {
    case 0: receive_frame(0); break;
    case 1: receive_frame(1); break;
    case 2: board_.cables[0].has_room = board_.cables[1].has_room = false; break;
    case 3:
        for (unsigned card = 0; card < 2; ++card) {
            board_.cables[card].has_room = true;
            board_.pc().network_card(card)->port_ready();
        }
        break;
    case 4:
        for (unsigned card = 0; card < 2; ++card) board_.pc().network_card(card)->set_link(input_.take() & 1);
        break;
    case 5: serve_queues(input_.take() & 3); break;
    case 6: people(input_.take()); break;
    case 7: board_.pc().serial(input_.take() & 3).receive(input_.take()); break;
    case 8: board_.line.has_room = !board_.line.has_room; break;
    case 9: board_.pc().press_power_button(); break;
    case 10: board_.pc().set_ferr(input_.take() & 1); break;
    case 11: board_.pc().raise_nmi(); break;
    case 12: change_medium(2, DriveKind::ide_cdrom, 2); break;
    case 13: change_medium(3, DriveKind::floppy, 0); break;
    case 14: board_.pc().skip_rtc(Nanoseconds{input_.take<u32>()} << 20); break;
    default: board_.pc().set_pci_interrupt(input_.take() % 32, choice & 3, input_.take() & 1); break;
    }
}

/// The app draws what a monitor says, which may be anything; pictures of many megabytes take too long here.
void draw(VgaState const& state, std::span<u8 const> memory) {
    screen::text_rows(state, memory);
    bool const large =
        state.dispi_enabled() &&
        state.dispi[display_interface::width] * u64{1} * state.dispi[display_interface::height] > 100'000;
    if (!large) screen::draw(state, memory);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(u8 const* bytes, std::size_t size) {
    if (size == 0) return 0;
    if (bytes[0] == 0xff) { // not a guest but a monitor in its hands
        VgaState state;
        std::memcpy(&state, bytes + 1, std::min(size - 1, sizeof state));
        draw(state, std::vector<u8>(VgaMemory::planes_size, 0x5a));
        return 0;
    }
    bool const draws = bytes[0] == static_cast<u8>(FuzzBoard::Device::vga);
    auto const board = std::make_unique<FuzzBoard>(draws ? Graphics::standard_vga : Graphics::none);
    Guest{*board, {bytes, size}}.run();
    if (VgaCard const* const card = board->pc().graphics()) draw(card->state(), card->memory());
    return 0;
}
