#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace ntd::report {

// A machine's console as HTML, in chunks of some hundred lines: browsers lay out only those chunks
// that are on the screen. Keeps the first lines and the last ones.
class ConsoleText {
public:
    struct Limits {
        std::size_t lines_of_chunk = 200;
        std::size_t first_chunks = 5;
        std::size_t most = std::size_t{24} << 20; // bytes of HTML after the first chunks
    };

    ConsoleText() : ConsoleText(Limits()) {}
    explicit ConsoleText(Limits limits) : limits_(limits) {}

    void add(double at, std::string_view line);

    bool is_empty() const { return lines_ == 0; }
    std::size_t lines() const { return lines_; } // also those left out
    std::size_t left_out() const { return left_out_; }

    // HTML of the last lines up to that time.
    std::string lines_until(double at, std::size_t count) const;

    // Calls show(std::string_view) with each piece of HTML in turn.
    template <typename Show>
    void show(Show show) const {
        for (const Chunk& chunk : first_)
            show_chunk(show, chunk);
        if (left_out_ > 0)
            show(left_out_note());
        for (const Chunk& chunk : last_)
            show_chunk(show, chunk);
    }

private:
    struct Chunk {
        double begin = 0;
        std::size_t lines = 0;
        std::string html; // of the lines
    };

    template <typename Show>
    static void show_chunk(Show& show, const Chunk& chunk) {
        show(opening(chunk));
        show(chunk.html);
        show("</pre>\n");
    }

    static std::string opening(const Chunk& chunk);
    std::string left_out_note() const;
    Chunk& chunk_for_line(double at);

    Limits limits_;
    std::deque<Chunk> first_;
    std::deque<Chunk> last_;
    std::size_t size_ = 0; // of last_
    std::size_t lines_ = 0;
    std::size_t left_out_ = 0;
};

} // namespace ntd::report
