#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ntd::proto {

// Takes the stream after a command and tells output from frames.
class ShellDecoder {
public:
    explicit ShellDecoder(std::string marker) : marker_(std::move(marker)) {}

    // Throws ProtocolError for a frame that means nothing, or has no end.
    void feed(std::string_view bytes);

    // What has come of the output since the last call. Bytes that may be the start of a frame stay
    // back until it is clear.
    std::string take_output();

    // How many bytes the next call would give.
    std::size_t output_size() const { return output_.size(); }

    // How many bytes stay back.
    std::size_t held_back() const { return pending_.size(); }

    // Once the command has ended and its output is complete.
    std::optional<int> status() const { return status_; }

    // Who holds the output of the ended command open, as "PID NAME, ...", since the last call.
    std::string take_holders();

    bool worker_gone() const { return worker_gone_; }

    // Whether the command was given to a new worker, as the one before was gone, since the last
    // call.
    bool take_worker_is_new();

    bool shell_is_new() const { return shell_is_new_; }

    // How often the shell has said that the worker is there.
    int answers() const { return answers_; }

    // Frames so far: a shell that sends none when it is asked is gone.
    std::size_t frames() const { return frames_; }

private:
    void scan(std::string_view bytes);
    void take_frame(std::string_view frame);

    std::string marker_;
    std::string pending_; // not yet told apart
    std::string output_;
    std::optional<int> status_;
    std::string holders_;
    bool worker_gone_ = false;
    bool worker_is_new_ = false;
    bool shell_is_new_ = false;
    int answers_ = 0;
    std::size_t frames_ = 0;
};

} // namespace ntd::proto
