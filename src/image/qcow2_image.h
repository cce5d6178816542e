// A qcow2 image: a disk that takes only the space it uses, may stand on a backing file, and may be compressed.
//
// Models:  versions 2 and 3; refcounts of 1 to 64 bits; zero clusters; compressed clusters (zlib, zstd) read, and written
//          by convert -c; discard; backing chains; internal snapshots are kept, and clusters shared with them copied
//          before they change.
// Missing: extended L2 entries, external data files, encryption (all refused by name); persistent dirty bitmaps are
//          marked as out of date by the first write; internal snapshots cannot be taken or loaded.
// Source:  QEMU's docs/interop/qcow2.txt.
//
// Data is written to its cluster before any table names it, and tables reach the disk in the order that
// image/qcow2_mapping.h explains. Nothing that a table says is believed: an entry that leads outside of the file, is not
// aligned or meets a table makes the image corrupt, which the header then says, and no more is written.
#pragma once

#include "image/open.h"
#include "image/qcow2_mapping.h"

#include <memory>

namespace ring3::image {

class Qcow2Image final : public Image {
public:
    /// The header is the storage's own, read by read_header(); `backing` is what it names, already open, or null.
    static Result<std::unique_ptr<Qcow2Image>> open(std::unique_ptr<Storage> storage, OpenOptions const& options,
                                                    qcow2::Header header, std::unique_ptr<Image> backing);
    ~Qcow2Image() override;

    std::string_view format() const override { return "qcow2"; }
    qcow2::Header const& header() const { return header_; }
    Image* backing() override { return backing_.get(); }

    /// One whole cluster, packed if that makes it smaller. For new images; the cluster must not be written yet.
    IoResult<void> write_compressed(u64 offset, std::span<u8 const> cluster);

    /// A host cluster for every guest cluster that has none, without writing to it. For new images.
    IoResult<void> preallocate();

protected:
    IoResult<void> do_read(u64 offset, Segments segments) override;
    IoResult<void> do_write(u64 offset, Segments segments) override;
    IoResult<void> do_write_zeroes(u64 offset, u64 bytes, Unmap unmap) override;
    IoResult<void> do_discard(u64 offset, u64 bytes) override;
    IoResult<void> do_flush() override;
    IoResult<void> do_resize(u64 bytes) override;
    IoResult<Extent> do_extent_at(u64 offset, u64 bytes) override;

private:
    /// Adjacent guest clusters that one request can treat alike.
    struct Run {
        qcow2::ClusterKind kind{};
        u64 bytes{};       // from the guest offset that was asked for
        u64 file_offset{}; // of its first byte, if it has data
    };
    /// A part of a request: where on the disk, and which bytes of its segments.
    struct Part {
        u64 offset{};
        u64 bytes{};
        Segments segments{};
        u64 skip{};
    };

    /// What a new cluster holds before it is written: a file's new end reads as zeroes.
    enum class Ground : u8 { unknown, zeroes };

    Qcow2Image(std::unique_ptr<Storage> storage, OpenOptions const& options, qcow2::Header header,
               std::unique_ptr<Image> backing);
    Result<void> load();
    Result<void> repair_dirty();

    std::unexpected<IoError> bad(std::string_view what) const;
    IoResult<void> check_entry(qcow2::L2Entry entry) const;
    u64 bytes_to_cluster_end(u64 offset) const;
    /// Notes in the header what writing makes untrue. Before each change.
    IoResult<void> begin_change();
    /// Of a change that failed because the image contradicts itself: says so in the header.
    IoResult<void> end_change(IoResult<void> result);

    IoResult<Run> find_run(u64 offset, u64 bytes);
    Extent data_extent(Run const& run);
    IoResult<void> read_run(Run const& run, Part const& part);
    IoResult<void> read_backing(Part const& part);
    IoResult<void> read_compressed(Part const& part);
    IoResult<void> read_zero_filled(u64 offset, std::span<u8> bytes);
    IoResult<bool> reads_as_zeroes(u64 offset);
    bool needs_zero_mark(u64 offset) const;

    IoResult<void> write_parts(u64 offset, Segments segments);
    IoResult<u64> write_some(Part const& part);
    IoResult<u64> write_own(Part const& part);
    IoResult<u64> write_reserved(Part const& part);
    IoResult<u64> write_allocating(Part const& part);
    IoResult<void> check_place(u64 file_offset, u64 bytes) const;
    IoResult<void> write_new(Part const& part, qcow2::Refcounts::Run run, Ground ground);
    IoResult<void> replace(u64 offset, qcow2::Refcounts::Run run);
    IoResult<void> set_entry(u64 offset, qcow2::L2Entry old, qcow2::L2Entry entry, qcow2::Refcounts::Space space);

    IoResult<void> zero_part(u64 offset, u64 bytes);
    IoResult<void> zero_clusters(u64 offset, u64 end, Unmap unmap);
    IoResult<void> discard_clusters(u64 offset, u64 end);
    template <class Change> IoResult<void> for_each_cluster(u64 offset, u64 end, Change&& change);

    std::unique_ptr<Storage> storage_;
    qcow2::Header header_;
    qcow2::Geometry geometry_;
    std::unique_ptr<Image> backing_;
    qcow2::Regions regions_;
    qcow2::Refcounts refcounts_;
    qcow2::Mapping mapping_;
    bool is_broken_{};
    std::vector<u8> unpacked_; // the compressed cluster read last,
    u64 unpacked_from_{};      // by its entry; 0: none
};

} // namespace ring3::image
