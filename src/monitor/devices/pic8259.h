// Intel 8259A interrupt controller, and the PC's pair of them.
//
// Models: ICW1-ICW4, OCW1-OCW3, fixed and rotating priority, special mask, poll, automatic EOI, special fully nested mode,
//         cascade, spurious interrupts (IR7 of either chip), edge or level per input by the PIIX3's ELCR.
// Missing: MCS-80 mode and buffered mode (the bits are accepted and mean nothing on a PC); ICW1.LTIM, which PIIX3 ignores.
// Source: 8259A data sheet (231468); 82371SB PIIX3 data sheet (290550) 2.5.4, ELCR.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/port_bus.h"

#include <optional>

namespace ring3 {

/// One chip: two ports, eight inputs IR0-IR7, the INT output.
class Pic8259 final : public PortDevice {
public:
    explicit Pic8259(Line& interrupt) : interrupt_{interrupt} {}

    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;

    void set_input(unsigned input, bool high);
    void set_level_triggered(u8 inputs);
    u8 level_triggered() const { return level_triggered_; }

    /// The INTA cycle: the accepted input; 7, with nothing in service, if the request has gone (data sheet, "default IR7").
    unsigned accept();
    u8 vector(unsigned input) const { return static_cast<u8>(vector_base_ | input); }
    bool is_cascade(unsigned input) const { return (icw3_ >> input & 1) != 0; }
    void reset();

    void visit(auto&& archive) {
        archive("pic.lines", lines_);
        archive("pic.edges", edges_);
        archive("pic.isr", in_service_);
        archive("pic.imr", mask_);
        archive("pic.elcr", level_triggered_);
        archive("pic.vector_base", vector_base_);
        archive("pic.icw3", icw3_);
        archive("pic.icw4", icw4_.raw);
        archive("pic.lowest", lowest_);
        archive("pic.init_step", init_step_);
        archive("pic.icw4_comes", icw4_comes_);
        archive("pic.single", single_);
        archive("pic.special_mask", special_mask_);
        archive("pic.poll", poll_);
        archive("pic.rotate_on_auto_eoi", rotate_on_auto_eoi_);
        archive("pic.read_isr", read_isr_);
    }

private:
    struct Icw1 : Reg<Icw1, u8> {
        using IC4 = Field<0>;
        using SNGL = Field<1>;
        using INIT = Field<4>;
    };
    struct Icw4 : Reg<Icw4, u8> {
        using AEOI = Field<1>;
        using SFNM = Field<4>;
    };
    struct Ocw2 : Reg<Ocw2, u8> {
        using Level = Field<2, 0>;
        using EOI = Field<5>;
        using SL = Field<6>;
        using R = Field<7>;
    };
    struct Ocw3 : Reg<Ocw3, u8> {
        using RIS = Field<0>;
        using RR = Field<1>;
        using P = Field<2>;
        using IsOcw3 = Field<3>;
        using SMM = Field<5>;
        using ESMM = Field<6>;
    };
    enum class InitStep : u8 { done, icw2, icw3, icw4 };

    void initialize(Icw1 icw1);
    void write_init_word(u8 value);
    void write_ocw2(Ocw2 ocw2);
    void write_ocw3(Ocw3 ocw3);
    u8 poll();
    u8 requests() const { return static_cast<u8>((edges_ & ~level_triggered_) | (lines_ & level_triggered_)); }
    unsigned rank_of_highest(u8 inputs) const;
    unsigned input_of_rank(unsigned rank) const { return (lowest_ + 1 + rank) % 8; }
    std::optional<unsigned> deliverable() const;
    void update();

    Line& interrupt_;
    u8 lines_{};      // level of each input
    u8 edges_{};      // edge sense latches: set by a rise, cleared by a fall or by INTA
    u8 in_service_{}; // ISR
    u8 mask_{0xff};   // IMR
    u8 level_triggered_{};
    u8 vector_base_{};
    u8 icw3_{};
    Icw4 icw4_{};
    u8 lowest_{7}; // the input with the lowest priority
    InitStep init_step_{InitStep::done};
    bool icw4_comes_{}, single_{};
    bool special_mask_{}, poll_{}, rotate_on_auto_eoi_{}, read_isr_{};
};

/// The two chips of a PC: IRQ 0-7 on the master at 20h, IRQ 8-15 on the slave at A0h, whose INT is the master's IR2.
class PicPair {
public:
    static constexpr PortRange master_ports{0x20, 2};
    static constexpr PortRange slave_ports{0xa0, 2};
    static constexpr PortRange elcr_ports{0x4d0, 2};

    explicit PicPair(Line& interrupt) : master_{interrupt}, cascade_{master_, 2}, slave_{cascade_}, elcr_{*this} {}

    /// IRQ 0..15; IRQ 2 is the cascade and leads nowhere.
    void set_irq(unsigned irq, bool high);
    /// The processor's two INTA cycles: the vector.
    u8 acknowledge();
    void reset();

    PortDevice& master() { return master_; }
    PortDevice& slave() { return slave_; }
    PortDevice& elcr() { return elcr_; }

    void visit(auto&& archive) {
        master_.visit(archive);
        slave_.visit(archive);
    }

private:
    /// 4D0h, 4D1h: one bit per IRQ, 1 = level. The timer, keyboard, cascade, clock and coprocessor inputs are always edge.
    struct Elcr final : PortDevice {
        explicit Elcr(PicPair& pair) : pair_{pair} {}
        u8 read(u16 offset) override;
        void write(u16 offset, u8 value) override;
        PicPair& pair_;
    };

    Pic8259 master_;
    Pin<Pic8259, &Pic8259::set_input> cascade_;
    Pic8259 slave_;
    Elcr elcr_;
};

} // namespace ring3
