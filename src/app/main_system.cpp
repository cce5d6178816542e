// ring3-system-i386: the same machine under QEMU's command line.
#include "app/commands.h"
#include "monitor/monitor.h"

int main(int count, char** words) {
    std::vector<std::string> const arguments(words + (count > 0 ? 1 : 0), words + count);
    return ring3::app::system_main(arguments, {ring3::run_monitor, ring3::check_cpu, ring3::cpu_names()});
}
