#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ntd::proto {

// Separates output from frames in the stream that follows a command.
class ShellDecoder {
public:
    explicit ShellDecoder(std::string marker) : marker_(std::move(marker)) {}

    // Throws ProtocolError for a frame that is invalid or too long.
    void feed(std::string_view bytes);

    // Returns the output since the last call. Bytes that may be the start of a frame are held back
    // until that is known.
    std::string take_output();

    // The number of bytes that the next take_output() returns.
    std::size_t output_size() const { return output_.size(); }

    // The number of bytes held back.
    std::size_t held_back() const { return pending_.size(); }

    // Set once the command has ended and its output is complete.
    std::optional<int> status() const { return status_; }

    // Returns which processes hold the output of the ended command open, as "PID NAME, ...". Only
    // those reported since the last call.
    std::string take_holders();

    bool worker_gone() const { return worker_gone_; }

    // Returns whether the worker was gone and a new one got the command, since the last call.
    bool take_worker_is_new();

    bool shell_is_new() const { return shell_is_new_; }

    // How often the shell has answered that there is a worker.
    int answers() const { return answers_; }

    // The number of frames so far. It shows whether a shell still answers.
    std::size_t frames() const { return frames_; }

private:
    void scan(std::string_view bytes);
    void take_frame(std::string_view frame);

    std::string marker_;
    std::string pending_; // output or a frame; not known yet
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
