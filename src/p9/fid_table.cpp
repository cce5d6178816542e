#include "p9/fid_table.h"

namespace ring3::p9 {

Answer<Fid*> FidTable::find(u32 number) {
    auto const found = fids_.find(number);
    if (found == fids_.end()) return refuse(EBADF);
    return &found->second;
}

Answer<Fid*> FidTable::find_named(u32 number) {
    auto* const fid = TRY(find(number));
    if (fid->is_gone) return refuse(ENOENT);
    return fid;
}

Answer<void> FidTable::add(u32 number, std::string path, u32 uid) {
    if (fids_.contains(number)) return refuse(EBADF);
    if (fids_.size() >= limits_.fids) return refuse(ENFILE);
    if (path_bytes_ + path.size() > limits_.path_bytes) return refuse(ENOMEM);
    path_bytes_ += path.size();
    fids_.emplace(number, Fid{std::move(path), uid});
    return {};
}

Answer<void> FidTable::remove(u32 number) {
    auto const& fid = *TRY(find(number));
    if (fid.opened) --open_files_;
    path_bytes_ -= fid.path.size();
    fids_.erase(number);
    return {};
}

void FidTable::clear() {
    fids_.clear();
    open_files_ = path_bytes_ = 0;
}

Answer<void> FidTable::ensure_room_to_open() const {
    if (open_files_ >= limits_.open_files) return refuse(EMFILE);
    return {};
}

Answer<void> FidTable::open(Fid& fid, OpenFile file) {
    TRY_VOID(ensure_room_to_open());
    fid.opened = std::move(file);
    ++open_files_;
    return {};
}

Answer<void> FidTable::set_path(Fid& fid, std::string path) {
    if (path_bytes_ - fid.path.size() + path.size() > limits_.path_bytes) return refuse(ENOMEM);
    path_bytes_ += path.size() - fid.path.size();
    fid.path = std::move(path);
    return {};
}

bool FidTable::is_at_or_below(std::string_view path, std::string_view directory) const {
    return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

Answer<void> FidTable::ensure_room_to_rename(std::string_view from, std::string_view to) const {
    if (to.size() <= from.size()) return {};
    std::size_t growth = 0;
    for (auto const& [number, fid] : fids_)
        if (is_at_or_below(fid.path, from)) growth += to.size() - from.size();
    if (path_bytes_ + growth > limits_.path_bytes) return refuse(ENOMEM);
    return {};
}

void FidTable::renamed(std::string_view from, std::string_view to) {
    // Callers' words may lie in one of the paths that change.
    std::string const old_path{from}, new_path{to};
    for (auto& [number, fid] : fids_) {
        if (!is_at_or_below(fid.path, old_path)) continue;
        path_bytes_ += new_path.size() - old_path.size();
        fid.path.replace(0, old_path.size(), new_path);
    }
}

void FidTable::removed(std::string_view path) {
    for (auto& [number, fid] : fids_) {
        if (!is_at_or_below(fid.path, path)) continue;
        path_bytes_ -= fid.path.size();
        fid.path.clear();
        fid.is_gone = true;
    }
}

} // namespace ring3::p9
