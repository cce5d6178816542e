#include "monitor/devices/pic8259.h"

namespace ring3 {

namespace {
constexpr u8 bit(unsigned input) {
    return static_cast<u8>(1u << input);
}
} // namespace

u8 Pic8259::read(u16 offset) {
    if (poll_) return poll();
    if (offset == 1) return mask_;
    return read_isr_ ? in_service_ : requests();
}

void Pic8259::write(u16 offset, u8 value) {
    if (offset == 0) {
        if (Icw1{{value}}.has<Icw1::INIT>())
            initialize(Icw1{{value}});
        else if (Ocw3{{value}}.has<Ocw3::IsOcw3>())
            write_ocw3(Ocw3{{value}});
        else
            write_ocw2(Ocw2{{value}});
    } else if (init_step_ != InitStep::done) {
        write_init_word(value);
    } else {
        mask_ = value; // OCW1
    }
    update();
}

/// Data sheet, "Initialization command words": ICW1 clears the mask and the edge latches and undoes all OCWs.
void Pic8259::initialize(Icw1 icw1) {
    edges_ = in_service_ = mask_ = 0;
    lowest_ = 7;
    special_mask_ = poll_ = rotate_on_auto_eoi_ = read_isr_ = false;
    icw4_ = {};
    icw4_comes_ = icw1.has<Icw1::IC4>();
    single_ = icw1.has<Icw1::SNGL>();
    init_step_ = InitStep::icw2;
}

void Pic8259::write_init_word(u8 value) {
    InitStep const last = icw4_comes_ ? InitStep::icw4 : InitStep::done;
    switch (init_step_) {
    case InitStep::icw2:
        vector_base_ = value & 0xf8;
        icw3_ = 0;
        init_step_ = single_ ? last : InitStep::icw3;
        break;
    case InitStep::icw3:
        icw3_ = value;
        init_step_ = last;
        break;
    case InitStep::icw4:
        icw4_.raw = value;
        init_step_ = InitStep::done;
        break;
    case InitStep::done: break;
    }
}

void Pic8259::write_ocw2(Ocw2 ocw2) {
    bool const rotate = ocw2.has<Ocw2::R>();
    u8 level = ocw2.get<Ocw2::Level>();
    if (!ocw2.has<Ocw2::EOI>()) {
        if (!ocw2.has<Ocw2::SL>())
            rotate_on_auto_eoi_ = rotate;
        else if (rotate)
            lowest_ = level; // set priority
        return;
    }
    if (!ocw2.has<Ocw2::SL>()) { // non-specific: the highest in service; in special mask mode, of the unmasked ones
        unsigned const rank = rank_of_highest(static_cast<u8>(special_mask_ ? in_service_ & ~mask_ : in_service_));
        if (rank == 8) return;
        level = static_cast<u8>(input_of_rank(rank));
    }
    in_service_ &= static_cast<u8>(~bit(level));
    if (rotate) lowest_ = level;
}

void Pic8259::write_ocw3(Ocw3 ocw3) {
    if (ocw3.has<Ocw3::ESMM>()) special_mask_ = ocw3.has<Ocw3::SMM>();
    poll_ = ocw3.has<Ocw3::P>();
    if (!poll_ && ocw3.has<Ocw3::RR>()) read_isr_ = ocw3.has<Ocw3::RIS>();
}

/// Poll command: the next read is an INTA; bit 7 says whether there was a request.
u8 Pic8259::poll() {
    poll_ = false;
    if (!deliverable()) return 0;
    return static_cast<u8>(0x80 | accept());
}

void Pic8259::set_input(unsigned input, bool high) {
    u8 const mask = bit(input % 8);
    if (high) {
        if (!(lines_ & mask)) edges_ |= mask;
        lines_ |= mask;
    } else { // a request withdrawn before INTA is gone: INTA then answers IR7
        lines_ &= static_cast<u8>(~mask);
        edges_ &= static_cast<u8>(~mask);
    }
    update();
}

void Pic8259::set_level_triggered(u8 inputs) {
    level_triggered_ = inputs;
    update();
}

unsigned Pic8259::rank_of_highest(u8 inputs) const {
    for (unsigned rank = 0; rank < 8; ++rank)
        if (inputs & bit(input_of_rank(rank))) return rank;
    return 8;
}

std::optional<unsigned> Pic8259::deliverable() const {
    if (init_step_ != InitStep::done) return {};
    u8 blocking = in_service_;
    if (special_mask_) blocking &= static_cast<u8>(~mask_);
    if (icw4_.has<Icw4::SFNM>()) blocking &= static_cast<u8>(~icw3_); // a slave may interrupt its own service
    unsigned const rank = rank_of_highest(static_cast<u8>(requests() & ~mask_));
    if (rank >= rank_of_highest(blocking)) return {};
    return input_of_rank(rank);
}

unsigned Pic8259::accept() {
    auto const input = deliverable();
    if (!input) return 7;
    edges_ &= static_cast<u8>(~bit(*input));
    if (!icw4_.has<Icw4::AEOI>())
        in_service_ |= bit(*input);
    else if (rotate_on_auto_eoi_)
        lowest_ = static_cast<u8>(*input);
    interrupt_.set(false); // INT falls with INTA, so that a further request makes an edge on the master
    update();
    return *input;
}

void Pic8259::update() {
    interrupt_.set(deliverable().has_value());
}

/// The data sheet demands initialization first; until then everything is masked, so that nothing arrives unasked.
void Pic8259::reset() {
    initialize({});
    level_triggered_ = vector_base_ = icw3_ = 0;
    mask_ = 0xff;
    init_step_ = InitStep::done;
    update();
}

void PicPair::set_irq(unsigned irq, bool high) {
    if (irq < 8 && irq != 2) master_.set_input(irq, high);
    if (irq >= 8 && irq < 16) slave_.set_input(irq - 8, high);
}

u8 PicPair::acknowledge() {
    unsigned const input = master_.accept();
    if (!master_.is_cascade(input)) return master_.vector(input);
    return slave_.vector(slave_.accept());
}

void PicPair::reset() {
    slave_.reset();
    master_.reset();
}

u8 PicPair::Elcr::read(u16 offset) {
    return offset == 0 ? pair_.master_.level_triggered() : pair_.slave_.level_triggered();
}

void PicPair::Elcr::write(u16 offset, u8 value) {
    if (offset == 0)
        pair_.master_.set_level_triggered(value & 0xf8);
    else
        pair_.slave_.set_level_triggered(value & 0xde);
}

} // namespace ring3
