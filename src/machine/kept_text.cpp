#include <ntd/machine/kept_text.h>

#include <ntd/os/syscall.h>
#include <ntd/os/write_file.h>

#include <unistd.h>

#include <algorithm>

namespace ntd::machine {

void KeptText::append(std::string_view text) {
    memory_ += text;
    if (memory_.size() > limits_.memory)
        move_to_file();
}

void KeptText::clear() {
    file_.reset();
    file_begin_ = memory_begin_ = 0;
    memory_.clear();
}

// Moves half of the memory at a time. So each byte moves up about once on average.
void KeptText::move_to_file() {
    const auto count = memory_.size() - limits_.memory / 2;
    if (!file_)
        file_ = os::make_nameless_file(directory_);
    const bool written =
        file_ && write_to_file(std::string_view(memory_).substr(0, count), memory_begin_);
    memory_begin_ += count;
    memory_.erase(0, count);
    const auto oldest = memory_begin_ - std::min(memory_begin_, limits_.disk);
    file_begin_ = written ? std::max(file_begin_, oldest) : memory_begin_;
}

bool KeptText::write_to_file(std::string_view text, std::size_t position) {
    while (!text.empty()) {
        const auto place = position % limits_.disk;
        const auto piece = text.substr(0, limits_.disk - place);
        const auto count = os::retry_eintr([&] {
            return ::pwrite(file_.get(), piece.data(), piece.size(), static_cast<off_t>(place));
        });
        if (count <= 0)
            return false;
        text.remove_prefix(static_cast<std::size_t>(count));
        position += static_cast<std::size_t>(count);
    }
    return true;
}

std::string KeptText::read(std::size_t from, std::size_t most) const {
    from = std::clamp(from, begin(), size());
    std::string text(std::min(most, size() - from), '\0');
    std::size_t done = 0;
    while (done < text.size() && from + done < memory_begin_) {
        const auto place = (from + done) % limits_.disk;
        const auto wanted =
            std::min({text.size() - done, memory_begin_ - from - done, limits_.disk - place});
        const auto count = os::retry_eintr([&] {
            return ::pread(file_.get(), text.data() + done, wanted, static_cast<off_t>(place));
        });
        if (count <= 0) // after a read error NULs stand for the text
            done += wanted;
        else
            done += static_cast<std::size_t>(count);
    }
    if (done < text.size())
        memory_.copy(text.data() + done, text.size() - done, from + done - memory_begin_);
    return text;
}

} // namespace ntd::machine
