#include "monitor/monitor.h"

#include "host/sandbox.h"
#include "host/time.h"
#include "monitor/machine.h"

namespace ring3 {

Result<std::vector<std::string>> check_cpu(std::string_view specification) {
    CpuModel const model = TRY(CpuModel::create(specification));
    return model.missing();
}

std::vector<std::string_view> cpu_names() {
    return CpuModel::names();
}

namespace {

/// Everything that needs the host comes before confine(); the guest comes after it.
Result<void> prepare_and_run(driver::MachineConfig const& config, driver::MonitorEnd& channel) {
    CpuModel model = TRY(CpuModel::create(config.cpu));
    model.set_tsc_khz(host::tsc_khz());
    auto native = TRY(NativeRunner::create());
    Machine machine{config, channel, std::move(model), std::move(native)};
    TRY_VOID(machine.prepare_engine());
    if (config.sandbox == driver::Sandbox::on) TRY_VOID(host::confine());
    machine.run();
    return {};
}

} // namespace

int run_monitor(driver::MachineConfig const& config, driver::MonitorEnd channel) {
    auto const result = prepare_and_run(config, channel);
    if (result) return 0;
    channel.send(driver::Stopped{result.error().message, static_cast<u8>(result.error().status)});
    return static_cast<int>(result.error().status);
}

} // namespace ring3
