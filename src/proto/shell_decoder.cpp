#include <ntd/proto/shell_decoder.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace ntd::proto {

namespace {

// The longest frame names thousands of processes.
constexpr std::size_t longest_frame = 1 << 20;

void check_frame_size(std::size_t size) {
    if (size > longest_frame)
        throw ProtocolError("the guest's shell sent a frame of more than {} bytes", longest_frame);
}

} // namespace

void ShellDecoder::feed(std::string_view bytes) {
    if (pending_.empty())
        return scan(bytes);
    const auto all = std::exchange(pending_, {}).append(bytes);
    scan(all);
}

// Most output is copied only once, from the reader's buffer to output_.
void ShellDecoder::scan(std::string_view bytes) {
    for (auto begin = bytes.find(marker_); begin != bytes.npos; begin = bytes.find(marker_)) {
        output_ += bytes.substr(0, begin);
        bytes.remove_prefix(begin);
        const auto end = bytes.find('\n');
        if (end == bytes.npos) {
            check_frame_size(bytes.size());
            pending_ = bytes;
            return;
        }
        const auto frame = bytes.substr(0, end);
        bytes.remove_prefix(end + 1);
        pending_ = bytes; // before take_frame(), which throws if the frame is invalid
        take_frame(frame);
    }
    // The rest is output, except for an end that may be the start of a marker.
    auto tail = bytes.size() - std::min(bytes.size(), marker_.size() - 1);
    while (tail < bytes.size() && !marker_.starts_with(bytes.substr(tail)))
        ++tail;
    output_ += bytes.substr(0, tail);
    pending_ = bytes.substr(tail);
}

void ShellDecoder::take_frame(std::string_view frame) {
    ++frames_;
    auto text = frame.substr(marker_.size());
    text.remove_prefix(text.starts_with(' ') ? 1 : 0);
    int status = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
    if (error == std::errc() && end == text.data() + text.size())
        status_ = status;
    else if (text == "gone")
        worker_gone_ = true;
    else if (text.starts_with("held "))
        holders_ = text.substr(5);
    else if (text == "runs")
        ++answers_;
    else if (text == "new")
        shell_is_new_ = true;
    else if (text == "anew")
        worker_is_new_ = true;
    else
        throw ProtocolError("the guest's shell sent a frame that means nothing: '{}'",
                            printable(frame.substr(0, 200)));
}

std::string ShellDecoder::take_output() {
    return std::exchange(output_, {});
}

bool ShellDecoder::take_worker_is_new() {
    return std::exchange(worker_is_new_, false);
}

std::string ShellDecoder::take_holders() {
    return std::exchange(holders_, {});
}

} // namespace ntd::proto
