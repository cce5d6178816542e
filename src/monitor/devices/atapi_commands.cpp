// The packet commands of a CD-ROM drive (MMC-4 chapter 6, SPC-3 chapter 6).
#include "monitor/devices/atapi_cdrom.h"

#include <algorithm>
#include <utility>

namespace ring3 {

namespace {

enum Operation : u8 {
    test_unit_ready = 0x00,
    request_sense_op = 0x03,
    inquiry_op = 0x12,
    start_stop_unit = 0x1b,
    prevent_allow_removal = 0x1e,
    read_capacity_op = 0x25,
    read_10 = 0x28,
    seek_10 = 0x2b,
    read_toc_op = 0x43,
    get_configuration_op = 0x46,
    get_event_status_op = 0x4a,
    read_disc_information_op = 0x51,
    read_track_information_op = 0x52,
    mode_sense_10 = 0x5a,
    read_12 = 0xa8,
    read_dvd_structure_op = 0xad,
    read_cd_msf = 0xb9,
    set_speed = 0xbb,
    mechanism_status_op = 0xbd,
    read_cd_op = 0xbe,
};

u32 big_word(std::span<u8 const> bytes) {
    return u32{bytes[0]} << 8 | bytes[1];
}

u32 big_long(std::span<u8 const> bytes) {
    return big_word(bytes) << 16 | big_word(bytes.subspan(2));
}

constexpr u8 event_media_class = 4;
constexpr u8 lead_out_track = 0xaa;
constexpr u8 data_track = 0x14; // ADR 1, a data track that may be copied
constexpr u32 pause_frames = 150;

} // namespace

bool AtapiCdrom::needs_medium(u8 operation) const {
    switch (operation) {
    case test_unit_ready:
    case read_capacity_op:
    case read_10:
    case read_12:
    case seek_10:
    case read_toc_op:
    case read_cd_op:
    case read_cd_msf:
    case read_disc_information_op:
    case read_track_information_op:
    case read_dvd_structure_op: return true;
    default: return false;
    }
}

void AtapiCdrom::execute_packet(Packet const& packet) {
    u8 const operation = packet[0];
    bool const speaks_anyway =
        operation == inquiry_op || operation == request_sense_op || operation == get_event_status_op;
    if (attention_ && !speaks_anyway) {
        attention_ = false;
        return command_failed(changed);
    }
    if (needs_medium(operation) && !has_medium()) return command_failed(tray_open_ ? tray_is_out : no_medium);
    auto const bytes = std::span{packet};
    switch (operation) {
    case test_unit_ready:
    case set_speed: return command_succeeded();
    case request_sense_op: return request_sense(packet);
    case inquiry_op: return inquiry(packet);
    case start_stop_unit: return start_stop(packet);
    case prevent_allow_removal: return prevent_removal(packet);
    case read_capacity_op: return read_capacity();
    case read_10: return read(big_long(bytes.subspan(2)), big_word(bytes.subspan(7)));
    case read_12: return read(big_long(bytes.subspan(2)), big_long(bytes.subspan(6)));
    case read_cd_op:
    case read_cd_msf: return read_cd(packet);
    case seek_10: return seek(packet);
    case read_toc_op: return read_toc(packet);
    case mode_sense_10: return mode_sense(packet);
    case get_configuration_op: return get_configuration(packet);
    case get_event_status_op: return get_event_status(packet);
    case read_disc_information_op: return read_disc_information(packet);
    case read_track_information_op: return read_track_information(packet);
    case read_dvd_structure_op: return read_dvd_structure(packet);
    case mechanism_status_op: return mechanism_status(packet);
    default: return command_failed(bad_command);
    }
}

// ---- who and how

/// SPC-3 6.27, 4.5.3: fixed format, 18 bytes. Asking for it clears it.
void AtapiCdrom::request_sense(Packet const& packet) {
    Sense const sense = std::exchange(attention_, false) ? changed : sense_;
    Reply reply = new_reply();
    reply.byte(0xf0); // valid, current, fixed format
    reply.byte(0);
    reply.byte(sense.key);
    reply.long_word(0);
    reply.byte(10); // bytes that follow
    reply.long_word(0);
    reply.byte(sense.code);
    reply.byte(sense.qualifier);
    reply.zeroes(4);
    send(reply, packet[4]);
}

void AtapiCdrom::inquiry(Packet const& packet) {
    constexpr u8 vital_product_data = 1, cd_dvd_device = 0x05, removable = 0x80;
    Reply reply = new_reply();
    if (packet[1] & vital_product_data) {
        // Page 0 lists the pages: itself. Nothing here that a driver could not do without.
        if (packet[2] != 0) return command_failed(bad_field);
        reply.byte(cd_dvd_device), reply.byte(0), reply.word(1), reply.byte(0);
        return send(reply, big_word(std::span{packet}.subspan(3)));
    }
    if (packet[2] != 0) return command_failed(bad_field);
    reply.byte(cd_dvd_device), reply.byte(removable);
    reply.byte(5);    // SPC-3
    reply.byte(0x32); // ATAPI, response format 2
    reply.byte(31), reply.zeroes(3);
    reply.text("RING3", 8);
    reply.text(std::string_view{identity_.model}.substr(0, 16), 16);
    reply.text(identity_.firmware, 4);
    send(reply, big_word(std::span{packet}.subspan(3)));
}

void AtapiCdrom::start_stop(Packet const& packet) {
    constexpr u8 start = 1, load_eject = 2;
    if (!(packet[4] & load_eject)) return command_succeeded();
    if (packet[4] & start) {
        attention_ |= tray_open_ && port_.bytes() != 0;
        tray_open_ = false;
        return command_succeeded();
    }
    if (locked_) return command_failed(removal_prevented);
    tray_open_ = true;
    command_succeeded();
}

void AtapiCdrom::prevent_removal(Packet const& packet) {
    locked_ = packet[4] & 1;
    command_succeeded();
}

// ---- data

void AtapiCdrom::read_capacity() {
    Reply reply = new_reply();
    reply.long_word(sectors() == 0 ? 0 : sectors() - 1);
    reply.long_word(sector_bytes);
    send(reply, reply.size());
}

/// READ CD and READ CD MSF: user data of data sectors, which is what this medium has.
void AtapiCdrom::read_cd(Packet const& packet) {
    constexpr u8 nothing = 0x00, user_data = 0x10;
    auto const bytes = std::span{packet};
    u32 first = big_long(bytes.subspan(2)), count = big_long(bytes.subspan(5)) & 0xff'ffff;
    if (packet[0] == read_cd_msf) {
        auto const frame = [&bytes](std::size_t at) {
            return (u32{bytes[at]} * 60 + bytes[at + 1]) * 75 + bytes[at + 2];
        };
        if (frame(3) < pause_frames || frame(6) < frame(3)) return command_failed(bad_address);
        first = frame(3) - pause_frames, count = frame(6) - frame(3);
    }
    if (count == 0 || (packet[9] & 0xf8) == nothing) return command_succeeded();
    if ((packet[9] & 0xfe) != user_data || (packet[10] & 7) != 0) return command_failed(bad_field);
    read(first, count);
}

void AtapiCdrom::seek(Packet const& packet) {
    if (big_long(std::span{packet}.subspan(2)) >= sectors()) return command_failed(bad_address);
    command_succeeded();
}

// ---- table of contents (MMC-4 6.30)

namespace {

/// A place on the disc, as sector number or as minutes, seconds and frames, which count from the pause before track 1.
void put_place(auto& reply, bool msf, u32 sector) {
    if (!msf) return reply.long_word(sector);
    u32 const frame = sector + pause_frames;
    reply.byte(0), reply.byte(std::min<u32>(frame / 75 / 60, 0xff)), reply.byte(frame / 75 % 60),
        reply.byte(frame % 75);
}

} // namespace

void AtapiCdrom::toc_of_tracks(Reply& reply, bool msf, u8 first) const {
    auto const track = [&](u8 number, u32 start) {
        reply.byte(0), reply.byte(data_track), reply.byte(number), reply.byte(0);
        put_place(reply, msf, start);
    };
    reply.word(0), reply.byte(1), reply.byte(1); // length to be filled in, first and last track
    if (first <= 1) track(1, 0);
    track(lead_out_track, sectors());
}

void AtapiCdrom::toc_raw(Reply& reply, bool msf) const {
    auto const point = [&](u8 number) {
        reply.byte(1), reply.byte(data_track), reply.byte(0), reply.byte(number), reply.zeroes(3);
    };
    reply.word(0), reply.byte(1), reply.byte(1);  // first and last session
    for (u8 const which : {u8{0xa0}, u8{0xa1}}) { // first and last track
        point(which);
        reply.byte(0), reply.byte(1), reply.word(0);
    }
    point(0xa2);
    put_place(reply, msf, sectors());
    point(1);
    put_place(reply, msf, 0);
}

void AtapiCdrom::read_toc(Packet const& packet) {
    bool const msf = (packet[1] & 2) != 0;
    u8 const first = packet[6];
    unsigned const format = (packet[2] & 0xf) != 0 ? packet[2] & 0xf : packet[9] >> 6; // the second place is SFF-8020's
    Reply reply = new_reply();
    switch (format) {
    case 0:
        if (first > 1 && first != lead_out_track) return command_failed(bad_field);
        toc_of_tracks(reply, msf, first);
        break;
    case 1: // sessions: one, which begins with track 1
        reply.word(0), reply.byte(1), reply.byte(1);
        reply.byte(0), reply.byte(data_track), reply.byte(1), reply.byte(0);
        put_place(reply, msf, 0);
        break;
    case 2: toc_raw(reply, msf); break;
    default: return command_failed(bad_field);
    }
    reply.set_length();
    send(reply, big_word(std::span{packet}.subspan(7)));
}

// ---- what the drive can do

void AtapiCdrom::mode_sense(Packet const& packet) {
    constexpr u8 error_recovery = 0x01, capabilities = 0x2a, all_pages = 0x3f;
    constexpr u8 changeable = 1, saved = 3;
    constexpr u8 data_disc = 0x01, door_open = 0x71, no_disc = 0x70;
    u8 const control = packet[2] >> 6, page = packet[2] & 0x3f;
    if (control == saved) return command_failed(not_saved);
    if (page != error_recovery && page != capabilities && page != all_pages) return command_failed(bad_field);
    Reply reply = new_reply();
    reply.word(0), reply.byte(tray_open_ ? door_open : has_medium() ? data_disc : no_disc), reply.zeroes(5);
    bool const shows_masks = control == changeable; // nothing can be changed
    if (page == error_recovery || page == all_pages) {
        reply.byte(error_recovery), reply.byte(6);
        reply.byte(0), reply.byte(shows_masks ? 0 : 5), reply.zeroes(4); // retries
    }
    if (page == capabilities || page == all_pages) {
        constexpr u32 speed = 706; // KB/s, 4x, as decoration
        reply.byte(capabilities), reply.byte(20);
        if (shows_masks) {
            reply.zeroes(20);
        } else {
            reply.byte(0x3b), reply.byte(0);   // reads CD-R, CD-RW, DVD-ROM, DVD-R
            reply.byte(0x70), reply.byte(0);   // multi-session, mode 2
            reply.byte(locked_ ? 0x2b : 0x29); // tray, eject, lock
            reply.byte(0), reply.word(speed);  // fastest
            reply.word(2), reply.word(disk_buffer_bytes / 1024);
            reply.word(speed), reply.zeroes(6); // now
        }
    }
    reply.set_length();
    send(reply, big_word(std::span{packet}.subspan(7)));
}

/// MMC-4 6.6: features by number; "current" ones apply to the disc that is in.
void AtapiCdrom::get_configuration(Packet const& packet) {
    constexpr u16 cd_rom = 0x0008, dvd_rom = 0x0010;
    constexpr u8 persistent = 2, is_current = 1, all = 0, only_current = 1, one = 2;
    u8 const scope = packet[1] & 3;
    u32 const from = big_word(std::span{packet}.subspan(2));
    if (scope == 3) return command_failed(bad_field);
    u16 const profile = !has_medium() ? 0 : is_dvd() ? dvd_rom : cd_rom;
    Reply reply = new_reply();
    reply.long_word(0), reply.word(0), reply.word(profile);
    auto const begins = [&](u32 number, bool current, u8 flags, u8 length) {
        bool const wanted = (scope == all && number >= from) || (scope == only_current && current && number >= from) ||
                            (scope == one && number == from);
        if (!wanted) return false;
        reply.word(number), reply.byte(unsigned{flags} | (current ? is_current : 0u)), reply.byte(length);
        return true;
    };
    if (begins(0x0000, true, persistent, 8)) { // profiles
        reply.word(dvd_rom), reply.byte(profile == dvd_rom), reply.byte(0);
        reply.word(cd_rom), reply.byte(profile == cd_rom), reply.byte(0);
    }
    if (begins(0x0001, true, persistent | 1 << 2, 8)) // core: ATAPI
        reply.long_word(2), reply.byte(1), reply.zeroes(3);
    if (begins(0x0003, true, persistent, 4)) reply.byte(0x29), reply.zeroes(3); // removable: tray
    if (begins(0x0010, has_medium(), 0, 8)) reply.long_word(sector_bytes), reply.word(1), reply.word(0); // readable
    if (begins(0x001e, profile == cd_rom, 0, 4)) reply.zeroes(4);                                        // CD
    if (begins(0x001f, profile == dvd_rom, 0, 4)) reply.zeroes(4);                                       // DVD
    u32 const length = reply.size() - 4;
    auto const head = buffer();
    head[2] = static_cast<u8>(length >> 8), head[3] = static_cast<u8>(length);
    send(reply, big_word(std::span{packet}.subspan(7)));
}

void AtapiCdrom::get_event_status(Packet const& packet) {
    constexpr u8 immediate = 1, no_event_available = 0x80;
    if (!(packet[1] & immediate)) return command_failed(bad_field);
    Reply reply = new_reply();
    if (packet[4] & 1 << event_media_class) {
        reply.word(4), reply.byte(event_media_class), reply.byte(1 << event_media_class);
        reply.byte(std::exchange(media_event_, u8{0}));
        reply.byte((tray_open_ ? 1u : 0u) | (has_medium() ? 2u : 0u));
        reply.word(0);
    } else {
        reply.word(2), reply.byte(no_event_available), reply.byte(1 << event_media_class);
    }
    send(reply, big_word(std::span{packet}.subspan(7)));
}

void AtapiCdrom::mechanism_status(Packet const& packet) {
    Reply reply = new_reply();
    reply.byte(0), reply.byte(tray_open_ ? 0x10 : 0), reply.zeroes(3), reply.byte(1), reply.word(0);
    send(reply, big_word(std::span{packet}.subspan(8)));
}

// ---- what the disc is

void AtapiCdrom::read_disc_information(Packet const& packet) {
    if ((packet[1] & 7) != 0) return command_failed(bad_field);
    Reply reply = new_reply();
    reply.word(0), reply.byte(0x0e);           // complete, last session complete
    for (int i = 0; i < 4; ++i) reply.byte(1); // first track, sessions, first and last track of the last session
    reply.byte(0x20), reply.byte(0);           // unrestricted use; CD-ROM
    reply.zeroes(25);
    reply.set_length();
    send(reply, big_word(std::span{packet}.subspan(7)));
}

void AtapiCdrom::read_track_information(Packet const& packet) {
    u8 const by = packet[1] & 3;
    u32 const which = big_long(std::span{packet}.subspan(2));
    bool const found = by == 0 ? which < sectors() : which == 1; // by sector, track or session
    if (!found || by == 3) return command_failed(bad_field);
    Reply reply = new_reply();
    reply.word(0), reply.byte(1), reply.byte(1), reply.byte(0); // track 1, session 1
    reply.byte(0x04), reply.byte(0x01), reply.byte(0);          // a data track, mode 1
    reply.long_word(0);                                         // starts here
    reply.zeroes(12);
    reply.long_word(sectors()), reply.zeroes(8);
    reply.set_length();
    send(reply, big_word(std::span{packet}.subspan(7)));
}

/// The physical format of a DVD; nobody asks for more of a disc without a key.
void AtapiCdrom::read_dvd_structure(Packet const& packet) {
    constexpr u8 physical_format = 0x00;
    constexpr u32 first_sector = 0x03'0000;
    if (!is_dvd() || packet[6] != 0 || packet[7] != physical_format) return command_failed(bad_field);
    Reply reply = new_reply();
    reply.word(0), reply.word(0);
    reply.byte(0x01), reply.byte(0x0f), reply.byte(0x01), reply.byte(0x00); // DVD-ROM, 120 mm, one layer
    reply.long_word(first_sector);
    reply.long_word(first_sector + sectors() - 1);
    reply.long_word(0);
    reply.zeroes(2048 - 16);
    reply.set_length();
    send(reply, big_word(std::span{packet}.subspan(8)));
}

} // namespace ring3
