// The other side: the same instruction by the interpreter, in a guest laid out like the host process.
#pragma once

#include "monitor/cpu/cpu_model.h"
#include "monitor/interpreter/handlers.h"
#include "monitor/interpreter/native_runner.h"
#include "tests/oracle/test_case.h"

#include <memory>

namespace ring3::oracle {

class GuestSide final : Platform, MmioHandler {
public:
    /// To be called before Native32's: that passes on the signals that are not its own.
    static Result<std::unique_ptr<GuestSide>> create();
    /// Maps the data at ORACLE_LOW, too.
    void add_low_data() { map_data(ORACLE_LOW); }

    std::span<u8> data() { return std::span{ram_}.subspan(data_at, data_size); }
    std::span<u8> read_only_data() { return std::span{ram_}.subspan(read_only_at, page_size); }
    Ending run(Case const& test, CpuImage& image);
    /// What the code segment in use adds to EIP.
    u32 code_base() const { return vcpu_.cpu.seg(SegmentName::cs).base; }
    void set_tables(Tables const& tables);
    CpuModel const& model() const { return model_; }

private:
    static constexpr u64 tables_at = 0x1000, data_at = 0x10000, read_only_at = 0x12000, system_at = 0x14000,
                         kernel_stack_at = 0x15000, ram_size = 0x20000;

    GuestSide(CpuModel model, std::unique_ptr<NativeRunner> native);
    void map_page(u32 linear, u64 gpa, u32 rights);
    void map_data(u32 linear);
    void make_kernel();
    void set_segments(CpuImage const& image);
    Outcome execute(Case const& test);
    Ending leave_handler(CpuImage& image);
    template <class T> T read(u64 gpa) const;
    template <class T> void write(u64 gpa, T value);

    u32 port_read(u16, unsigned) override { return ~u32{0}; }
    void port_write(u16, u32, unsigned) override {}
    bool interrupt_pending() override { return false; }
    u8 acknowledge_interrupt() override { return 0; }
    void set_ferr(bool) override {}
    u64 tsc() override { return 0; }
    bool msr_read(u32, u64&) override { return false; }
    bool msr_write(u32, u64) override { return false; }
    bool stop_requested() override { return false; }
    u64 mmio_read(GuestPhys, unsigned) override { return ~u64{0}; }
    void mmio_write(GuestPhys, u64, unsigned) override {}

    CpuModel model_;
    std::unique_ptr<NativeRunner> native_;
    TraceRing trace_{};
    std::vector<u8> ram_;
    PhysicalMemory memory_{*this};
    Vcpu vcpu_;
    u64 next_table_{tables_at + page_size};
};

} // namespace ring3::oracle
