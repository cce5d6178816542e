// Feeds whatever bytes come as 9P requests to a server of a small folder. Nothing may crash, no reply may be longer than
// there is room, and what lies beside the folder stays as it is.
//
// The input is a row of requests: | length of the fields | type | fields |; the header is made right but for an odd length.
#include "p9/server.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace ring3;
using namespace ring3::p9;

namespace {

namespace files = std::filesystem;

void expect(bool is_true) {
    if (!is_true) std::abort();
}

/// A folder that is shared, beside a file that is not. In memory, if the host has such a file system.
class Playground {
public:
    Playground() {
        auto const parent = ::access("/dev/shm", W_OK) == 0 ? files::path{"/dev/shm"} : files::temp_directory_path();
        auto name = (parent / "ring3-fuzz-XXXXXX").string();
        expect(::mkdtemp(name.data()) != nullptr);
        top_ = name;
        std::ofstream{top_ / "outside"} << "outside";
        rlimit const small{1 << 20, 1 << 20}; // a guest could fill the host's memory
        ::setrlimit(RLIMIT_FSIZE, &small);
        ::signal(SIGXFSZ, SIG_IGN);
    }
    ~Playground() { files::remove_all(top_); }

    std::string shared() const { return top_ / "shared"; }
    void make() {
        files::remove_all(shared());
        files::create_directories(shared() + "/d/e");
        std::ofstream{shared() + "/f"} << "content of a file";
        files::create_symlink("../outside", shared() + "/up");
        files::create_symlink(top_, shared() + "/abs");
        expect(::mkfifo((shared() + "/p").c_str(), 0600) == 0);
    }
    void check() const {
        std::ifstream file{top_ / "outside"};
        expect((std::string{std::istreambuf_iterator<char>{file}, {}} == "outside"));
        expect(std::distance(files::directory_iterator{top_}, {}) == 2);
    }

private:
    files::path top_;
};

Playground& playground() {
    static Playground one;
    return one;
}

void send(Server& server, u8 type, std::span<u8 const> fields, u32 claimed) {
    std::vector<u8> request(header_bytes);
    Writer header{request};
    header.word(claimed), header.byte(type), header.half(1);
    request.insert(request.end(), fields.begin(), fields.end());
    std::vector<u8> reply(type % 2 ? 100 : 8192);
    expect(server.handle(request, reply) <= reply.size());
}

void start(Server& server) {
    constexpr u8 version[] = {0, 0x20, 0, 0, 8, 0, '9', 'P', '2', '0', '0', '0', '.', 'L'};
    constexpr u8 attach[] = {0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0};
    send(server, 100, version, header_bytes + sizeof version);
    send(server, 104, attach, header_bytes + sizeof attach);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(u8 const* data, std::size_t size) {
    std::span input{data, size};
    if (input.empty()) return 0;
    playground().make();
    u8 const mode = input[0];
    ShareSettings const settings{playground().shared(), SecurityModel{static_cast<u8>(mode % 3)}, (mode & 0x10) != 0};
    auto server = Server::open(settings, {.fids = 20, .open_files = 5, .path_bytes = 500});
    expect(server.has_value());
    if ((mode & 0x20) != 0) server->folder().forget_openat2();
    start(*server);
    input = input.subspan(1);
    while (input.size() >= 2) {
        std::size_t const length = std::min<std::size_t>(input[0], input.size() - 2);
        u32 const claimed = static_cast<u32>(header_bytes + length) + (input[0] == 0xff ? 1 : 0);
        send(*server, input[1], input.subspan(2, length), claimed);
        input = input.subspan(2 + length);
    }
    playground().check();
    return 0;
}
