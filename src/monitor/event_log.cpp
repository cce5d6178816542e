#include "monitor/event_log.h"

#include "monitor/cpu/dump.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3 {

namespace {

/// The bytes around cs:eip that can be read without disturbing the guest.
std::string code_at(Vcpu const& vcpu) {
    constexpr u32 before = 8, after = 16;
    u32 const start = static_cast<u32>(vcpu.cpu.seg(SegmentName::cs).base + vcpu.cpu.eip);
    u8 bytes[before + after];
    u32 const front = std::min(before, start);
    unsigned const read = vcpu.mmu.peek_bytes({start - front}, std::span{bytes}.first(front + after));
    return dump_code(std::span{bytes}.first(read), front);
}

} // namespace

void EventLog::say(std::string const& text) {
    for (std::size_t at = 0; at < text.size(); at += driver::max_payload)
        channel_.send(driver::LogText{text.substr(at, driver::max_payload)});
}

std::string EventLog::describe(Vcpu const& vcpu) {
    return dump_registers(vcpu.cpu, vcpu.mmu.a20()) + code_at(vcpu);
}

void EventLog::event(Vcpu const& vcpu, u8 vector, EventKind kind, u32 error) {
    if (!mask_.interrupts) return;
    GuestCpu const& cpu = vcpu.cpu;
    Segment const& cs = cpu.seg(SegmentName::cs);
    bool const page_fault = vector == static_cast<u8>(Vector::pf) && kind == EventKind::exception;
    std::string const detail = page_fault ? fmt::format("CR2={:08x}", vcpu.mmu.fault_address().raw)
                                          : fmt::format("env->regs[R_EAX]={:08x}", cpu.gpr[eax]);
    say(fmt::format("{:6}: v={:02x} e={:04x} i={:d} cpl={} IP={:04x}:{:08x} pc={:08x} SP={:04x}:{:08x} {}\n", events_++,
                    vector, error, kind == EventKind::software, cpu.cpl, cs.selector.raw, cpu.eip,
                    static_cast<u32>(cs.base + cpu.eip), cpu.seg(SegmentName::ss).selector.raw, cpu.gpr[esp], detail) +
        dump_registers(cpu, vcpu.mmu.a20()));
}

void EventLog::block(Vcpu const& vcpu) {
    Segment const& cs = vcpu.cpu.seg(SegmentName::cs);
    say(fmt::format("Trace 0: {:04x}:{:08x} cpl={}\n", cs.selector.raw, vcpu.cpu.eip, vcpu.cpu.cpl));
}

void EventLog::guest_error(std::string const& text) {
    if (!takes_guest_errors()) return;
    say(++guest_errors_ > most_guest_errors ? "further guest errors are not shown\n" : text + '\n');
}

void EventLog::registers(Vcpu const& vcpu, std::string_view headline) {
    if (mask_.cpu_reset) say(fmt::format("{}\n{}", headline, describe(vcpu)));
}

} // namespace ring3
