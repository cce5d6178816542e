// ring3: runs whole x86 operating systems in an ordinary process.
#include "app/commands.h"
#include "monitor/monitor.h"

int main(int count, char** words) {
    std::vector<std::string> const arguments(words + (count > 0 ? 1 : 0), words + count);
    return ring3::app::ring3_main(arguments, {ring3::run_monitor, ring3::check_cpu, ring3::cpu_names()});
}
