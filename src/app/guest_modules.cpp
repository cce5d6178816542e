#include "app/guest_modules.h"

#include "app/default_guest.h"
#include "app/images.h"

#include <fmt/format.h>

namespace ring3::app {

void append_archive(std::vector<u8>& archives, std::span<u8 const> more) {
    archives.resize((archives.size() + 3) & ~std::size_t{3}); // where an archive may begin
    archives.insert(archives.end(), more.begin(), more.end());
}

Result<void> add_guest_modules(BootSettings& boot, std::string_view feature,
                               std::span<std::string const> guest_directories) {
    auto const guest = TRY(find_default_guest(guest_directories));
    constexpr u64 most = 64 << 20;
    auto const modules = read_file(fmt::format("the modules for {}", feature), guest.modules(feature), most);
    if (!modules) return fail(modules.error().status, modules.error().message + " ('make guest' fetches them)");
    append_archive(boot.extra_initrd, *modules);
    return {};
}

} // namespace ring3::app
