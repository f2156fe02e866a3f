// What every byte of a guest passes through, each piece alone.

#include <ntd/base/text.h>
#include <ntd/log/junit_sink.h>
#include <ntd/log/log.h>
#include <ntd/log/terminal_sink.h>
#include <ntd/log/xml_sink.h>
#include <ntd/proto/qmp_codec.h>
#include <ntd/proto/shell_codec.h>
#include <ntd/proto/shell_decoder.h>

#include <benchmark/benchmark.h>

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

namespace {

using namespace ntd;

constexpr std::size_t megabyte = std::size_t{1} << 20;

std::string lines_of_100_bytes(std::size_t size) {
    std::string text;
    while (text.size() < size)
        text += std::string(99, 'x') + '\n';
    return text;
}

void count_bytes(benchmark::State& state, std::size_t each) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(each));
}

// Output of a command, in pieces of the given size.
void shell_decoder(benchmark::State& state) {
    const auto marker = proto::new_marker();
    const auto piece = lines_of_100_bytes(static_cast<std::size_t>(state.range(0)));
    proto::ShellDecoder decoder(marker);
    for (auto _ : state) {
        decoder.feed(piece);
        benchmark::DoNotOptimize(decoder.take_output());
    }
    count_bytes(state, piece.size());
}
BENCHMARK(shell_decoder)->Arg(4 << 10)->Arg(64 << 10)->Arg(1 << 20);

void line_splitter(benchmark::State& state) {
    const auto piece = lines_of_100_bytes(static_cast<std::size_t>(state.range(0)));
    LineSplitter lines;
    for (auto _ : state) {
        lines.feed(piece);
        while (const auto line = lines.next())
            benchmark::DoNotOptimize(line->data());
    }
    count_bytes(state, piece.size());
}
BENCHMARK(line_splitter)->Arg(4 << 10)->Arg(64 << 10);

void clean_text(benchmark::State& state, std::string (*clean)(std::string_view)) {
    const auto text = lines_of_100_bytes(megabyte);
    for (auto _ : state)
        benchmark::DoNotOptimize(clean(text));
    count_bytes(state, text.size());
}
BENCHMARK_CAPTURE(clean_text, printable, &printable);
BENCHMARK_CAPTURE(clean_text, valid_utf8, &valid_utf8);

void qmp_decoder(benchmark::State& state) {
    const std::string event =
        R"({"timestamp": {"seconds": 1700000000, "microseconds": 250000}, "event": "STOP"})"
        "\r\n";
    proto::QmpDecoder decoder;
    for (auto _ : state) {
        decoder.feed(event);
        benchmark::DoNotOptimize(decoder.next());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(qmp_decoder);

// A console's line through the log into one sink.
void serial_line(benchmark::State& state, std::unique_ptr<log::LogSink> sink) {
    log::Log log;
    log.add_sink(std::move(sink));
    const std::string line(99, 'x');
    for (auto _ : state)
        log.serial("machine", line);
    state.SetItemsProcessed(state.iterations());
}

void terminal_sink(benchmark::State& state) {
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    serial_line(state, std::make_unique<log::TerminalSink>(null));
    ::close(null);
}
BENCHMARK(terminal_sink);

template <typename Sink>
void file_sink(benchmark::State& state) {
    const auto file = std::filesystem::temp_directory_path() /
                      ("ntd-bench-inner-" + std::to_string(::getpid()) + ".xml");
    serial_line(state, std::make_unique<Sink>(file));
    std::filesystem::remove(file);
}
BENCHMARK(file_sink<log::XmlSink>)->Iterations(100'000);
BENCHMARK(file_sink<log::JunitSink>)->Iterations(100'000);

} // namespace
