#include "app/default_guest.h"

#include "app/cpio.h"

#include <cstdlib>
#include <fmt/ranges.h>
#include <unistd.h>

namespace ring3::app {

namespace {

std::string executable_directory() {
    char path[4096];
    auto const length = ::readlink("/proc/self/exe", path, sizeof path);
    std::string const text{path, length > 0 ? static_cast<std::size_t>(length) : 0};
    auto const slash = text.rfind('/');
    return slash == std::string::npos ? "." : text.substr(0, slash);
}

std::string environment(char const* name) {
    char const* const value = std::getenv(name);
    return value ? value : "";
}

} // namespace

std::vector<std::string> guest_directories() {
    if (auto const chosen = environment("RING3_GUEST"); !chosen.empty()) return {chosen};
    auto const here = executable_directory();
    std::vector<std::string> directories{here + "/../guest", here + "/../share/ring3/guest"};
    auto const data = environment("XDG_DATA_HOME"), home = environment("HOME");
    if (!data.empty())
        directories.push_back(data + "/ring3/guest");
    else if (!home.empty())
        directories.push_back(home + "/.local/share/ring3/guest");
    return directories;
}

Result<GuestFiles> find_default_guest(std::span<std::string const> directories) {
    for (auto const& directory : directories) {
        GuestFiles const files{directory, directory + "/vmlinuz", directory + "/initramfs.cpio.gz"};
        if (::access(files.kernel.c_str(), R_OK) == 0 && ::access(files.initrd.c_str(), R_OK) == 0) return files;
    }
    return fail(ExitStatus::io, fmt::format("the default guest is missing (looked in {}): 'make guest' fetches it",
                                            fmt::join(directories, ", ")));
}

std::string GuestFiles::modules(std::string_view feature) const {
    return fmt::format("{}/modules-{}.cpio", directory, feature);
}

std::vector<u8> command_archive(std::span<std::string const> command) {
    std::string content;
    for (auto const& argument : command) content.append(argument).push_back('\0');
    CpioWriter archive;
    archive.add_directory("ring3", 0700);
    archive.add_file("ring3/command", 0600, content);
    return std::move(archive).finish();
}

} // namespace ring3::app
