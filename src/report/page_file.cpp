#include "page_file.h"

#include <ntd/base/error.h>
#include <ntd/base/write_all.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace ntd::report {

namespace {

constexpr std::size_t most_pending = 1 << 20;

} // namespace

PageFile::PageFile(const std::filesystem::path& file) : file_(file), temporary_(file) {
    temporary_ += ".new";
    // Through a copy from a guest, a link may exist under the name of the temporary file.
    fd_.reset(::open(temporary_.c_str(),
                     O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0666));
    if (!fd_)
        throw_errno("open '{}' for the report", temporary_.string());
}

PageFile::~PageFile() {
    if (!finished_)
        ::unlink(temporary_.c_str());
}

void PageFile::write(std::string_view text) {
    pending_ += text;
    if (pending_.size() > most_pending)
        send();
}

void PageFile::finish() {
    send();
    if (::rename(temporary_.c_str(), file_.c_str()) != 0)
        throw_errno("rename '{}' to '{}'", temporary_.string(), file_.string());
    finished_ = true;
}

void PageFile::send() {
    if (const int error = write_all(fd_.get(), pending_); error != 0)
        throw SystemError(error, fmt::format("write the report '{}'", temporary_.string()));
    pending_.clear();
}

} // namespace ntd::report
