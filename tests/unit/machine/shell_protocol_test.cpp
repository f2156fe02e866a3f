// Tests the protocol of proto/shell_codec.h with a real bash, the only part that the guest
// provides.
#include <ntd/base/deadline.h>
#include <ntd/base/unique_fd.h>
#include <ntd/os/byte_stream.h>
#include <ntd/proto/shell_codec.h>
#include <ntd/proto/shell_decoder.h>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <filesystem>

namespace ntd::proto {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::EndsWith;
using testing::MatchesRegex;

constexpr std::string_view no_signals = "SigIgn:\t0000000000000000\n";

// Whether the guest has the virtio-serial port, or only the line.
enum class Way { line, port };

std::array<UniqueFd, 2> make_channel() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A bash as a guest's backdoor starts it. It reads lines from one channel, and answers there or
// over the port.
class LocalBash {
public:
    explicit LocalBash(Way way) : way_(way) {
        auto line = make_channel();
        auto port = make_channel();
        line_ = os::ByteStream(std::move(line[0]));
        port_ = os::ByteStream(std::move(port[0]));
        pid_ = ::fork();
        if (pid_ == 0)
            become_bash(line[1].get(), way == Way::port ? port[1].get() : -1);
    }
    ~LocalBash() {
        ::kill(-pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    LocalBash(const LocalBash&) = delete;
    LocalBash& operator=(const LocalBash&) = delete;
    LocalBash(LocalBash&&) = delete;
    LocalBash& operator=(LocalBash&&) = delete;

    void send(std::string_view lines) { write(line_, lines); }

    void send(const ShellText& text) {
        write(line_, text.lines);
        for (const std::string_view part : {text.bulk, std::string_view(text.behind)})
            write(way_ == Way::port ? port_ : line_, part);
    }

    // Returns 1 if the shell uses the port, else 0.
    int set_up() {
        const auto marker = new_marker();
        ShellDecoder decoder(marker);
        if (way_ == Way::port)
            write(port_, "left over from before\0\xFF\n"s + shell_sync(marker));
        send(shell_setup(marker));
        while (!decoder.status() && receive_from(line_, decoder, Deadline::after(30s))) {
        }
        return decoder.status().value_or(-1);
    }

    // Closes the port and uses the line only.
    void close_port() {
        port_.close();
        way_ = Way::line;
    }

    // Returns whether data came for the decoder before the deadline.
    bool receive(ShellDecoder& decoder, Deadline deadline) {
        return receive_from(way_ == Way::port ? port_ : line_, decoder, deadline);
    }

private:
    void write(os::ByteStream& stream, std::string_view bytes) {
        EXPECT_EQ(stream.write_all(bytes, -1, Deadline::after(30s), interrupt_),
                  os::ByteStream::Outcome::data);
    }

    bool receive_from(os::ByteStream& stream, ShellDecoder& decoder, Deadline deadline) {
        std::string bytes;
        const auto outcome = stream.read_some(bytes, -1, deadline, interrupt_);
        decoder.feed(bytes);
        return outcome == os::ByteStream::Outcome::data;
    }

    [[noreturn]] static void become_bash(int line, int port) {
        ::setpgid(0, 0);
        for (int signal = 1; signal < NSIG; ++signal) // the caller may ignore some
            std::signal(signal, SIG_DFL);
        ::fcntl(line, F_SETFL, 0);
        ::dup2(line, 0);
        ::dup2(line, 1);
        ::dup2(::open("/dev/null", O_WRONLY), 2);
        if (port >= 0) {
            ::fcntl(port, F_SETFL, 0);
            ::dup2(port, 3);
            ::setenv("NTD_DATA_FD", "3", 1);
        }
        ::close_range(port >= 0 ? 4 : 3, UINT_MAX, 0);
        ::execlp("bash", "bash", "--norc", nullptr);
        ::_exit(127);
    }

    Way way_;
    os::ByteStream line_;
    os::ByteStream port_;
    os::Interrupt interrupt_;
    pid_t pid_ = -1;
};

// A command, or a question of the driver, and its answer so far.
class Exchange {
public:
    explicit Exchange(LocalBash& bash) : bash_(bash) {}

    void send_command(std::string_view command) { bash_.send(shell_run(marker, command)); }

    // Reads until `holds` returns true. Returns false if nothing more comes.
    template <typename Condition>
    bool receive_until(Condition holds, Deadline deadline = Deadline::after(30s)) {
        while (!holds()) {
            if (!bash_.receive(decoder, deadline))
                return false;
            output += decoder.take_output();
            holders += decoder.take_holders();
        }
        return true;
    }

    bool wait_for_output(std::string_view text) {
        return receive_until([&] { return output.find(text) != output.npos; });
    }

    int wait_for_status() {
        EXPECT_TRUE(receive_until([this] { return decoder.status().has_value(); }));
        return decoder.status().value_or(-1);
    }

    // Probes again and again: the answer may be empty while the command runs.
    void probe_until(const std::function<bool()>& holds) {
        const auto deadline = Deadline::after(30s);
        do
            bash_.send(shell_probe(marker));
        while (!receive_until(holds, Deadline::after(20ms)) && !deadline.passed());
        EXPECT_TRUE(holds());
    }

    const std::string marker = new_marker();
    ShellDecoder decoder{marker};
    std::string output;
    std::string holders;

private:
    LocalBash& bash_;
};

class ShellProtocol : public testing::TestWithParam<Way> {
protected:
    ShellProtocol() { EXPECT_EQ(bash.set_up(), GetParam() == Way::port ? 1 : 0); }
    ~ShellProtocol() override { std::filesystem::remove_all(scratch); }
    ShellProtocol(const ShellProtocol&) = delete;
    ShellProtocol& operator=(const ShellProtocol&) = delete;
    ShellProtocol(ShellProtocol&&) = delete;
    ShellProtocol& operator=(ShellProtocol&&) = delete;

    int status_of(std::string_view command) {
        Exchange exchange(bash);
        exchange.send_command(command);
        return exchange.wait_for_status();
    }

    std::string output_of(std::string_view command) {
        Exchange exchange(bash);
        exchange.send_command(command);
        exchange.wait_for_status();
        return exchange.output;
    }

    int store(std::string_view file, std::string_view bytes) {
        Exchange exchange(bash);
        bash.send(shell_store(exchange.marker, file, bytes));
        return exchange.wait_for_status();
    }

    int restart() {
        Exchange exchange(bash);
        bash.send(shell_restart(exchange.marker));
        return exchange.wait_for_status();
    }

    // A FIFO that never blocks: we hold both of its ends.
    UniqueFd make_fifo() { return make_fifo_for(O_RDWR); }

    UniqueFd make_fifo_for(int access) {
        EXPECT_NE(::mkdtemp(scratch.data()), nullptr);
        EXPECT_EQ(::mkfifo(fifo().c_str(), 0600), 0);
        return UniqueFd(::open(fifo().c_str(), access | O_CLOEXEC | O_NONBLOCK));
    }

    std::string fifo() const { return scratch + "/fifo"; }

    // Reads a line that processes write to the FIFO. Returns less if all writers have ended.
    static std::string line_of(UniqueFd fd) {
        os::ByteStream stream(std::move(fd));
        os::Interrupt interrupt;
        std::string text;
        while (text.find('\n') == text.npos &&
               stream.read_some(text, -1, Deadline::after(30s), interrupt) ==
                   os::ByteStream::Outcome::data) {
        }
        return text;
    }

    LocalBash bash{GetParam()};
    std::string scratch = std::filesystem::path(testing::TempDir()) / "ntd-shell-XXXXXX";
};

TEST_P(ShellProtocol, GivesTheStatus) {
    EXPECT_EQ(status_of("exit 7"), 7);
}

TEST_P(ShellProtocol, GivesTheOutput) {
    EXPECT_EQ(output_of("echo one; echo two"), "one\ntwo\n");
}

TEST_P(ShellProtocol, GivesOutputWithoutALineEnd) {
    EXPECT_EQ(output_of("printf text"), "text");
}

TEST_P(ShellProtocol, GivesTheStatusOfASignal) {
    EXPECT_EQ(status_of("kill -KILL $$"), 128 + SIGKILL);
}

TEST_P(ShellProtocol, RunsOneCommandAfterTheOther) {
    output_of("echo one");
    EXPECT_EQ(output_of("echo two"), "two\n");
}

TEST_P(ShellProtocol, StopsAtTheFirstError) {
    EXPECT_EQ(output_of("echo one; false; echo two"), "one\n");
}

TEST_P(ShellProtocol, StopsAtAnUnsetVariable) {
    EXPECT_NE(status_of("echo $unset_variable; true"), 0);
}

TEST_P(ShellProtocol, TakesTheStatusOfThePipesFailure) {
    EXPECT_EQ(status_of("(exit 5) | true"), 5);
}

TEST_P(ShellProtocol, ForgetsAllVariables) {
    status_of("variable=1; cd /usr");
    EXPECT_EQ(output_of("echo ${variable-none}; [ \"$PWD\" != /usr ]"), "none\n");
}

TEST_P(ShellProtocol, TakesAnyQuotes) {
    EXPECT_EQ(output_of(R"(echo "it's" 'a "word"' \' $'\x41')"), "it's a \"word\" ' A\n");
}

TEST_P(ShellProtocol, TakesHereDocuments) {
    EXPECT_EQ(output_of("cat <<'EOF'\none 'two'\n$three\nEOF\n"), "one 'two'\n$three\n");
}

TEST_P(ShellProtocol, TakesATrailingComment) {
    EXPECT_EQ(output_of("echo text # it's a comment"), "text\n");
}

TEST_P(ShellProtocol, TakesACommandWithASyntaxError) {
    EXPECT_NE(status_of("echo ("), 0);
}

TEST_P(ShellProtocol, GoesOnAfterASyntaxError) {
    status_of("echo '");
    EXPECT_EQ(output_of("echo text"), "text\n");
}

TEST_P(ShellProtocol, TakesBytesThatAreNotUtf8) {
    EXPECT_EQ(output_of("printf %s \xFF\x80"), "\xFF\x80");
}

TEST_P(ShellProtocol, GivesEveryByteOfTheOutput) {
    std::string bytes;
    std::string command = "printf '";
    for (int byte = 0; byte < 256; ++byte) {
        bytes += static_cast<char>(byte);
        command += fmt::format("\\{:03o}", byte);
    }
    EXPECT_EQ(output_of(command + "'"), bytes);
}

TEST_P(ShellProtocol, GivesOutputOfManyMebibytes) {
    EXPECT_EQ(output_of("head -c 5000000 /dev/zero").size(), 5'000'000U);
}

TEST_P(ShellProtocol, KeepsStandardErrorOutOfTheOutput) {
    EXPECT_EQ(output_of("echo error >&2"), "");
}

TEST_P(ShellProtocol, GivesTheStatusOfACommandThatClosesItsOutput) {
    EXPECT_EQ(status_of("exec >&-; exit 3"), 3);
}

TEST_P(ShellProtocol, TakesACommandOfAMebibyte) {
    const std::string text(1 << 20, 'x');
    EXPECT_EQ(output_of("x='" + text + "'; echo ${#x}"), "1048576\n");
}

TEST_P(ShellProtocol, TakesALongCommandWithLineEndsAndBytesThatAreNotUtf8) {
    const auto text = "it\xFF's\n" + std::string(100'000, 'x') + "\n";
    EXPECT_EQ(output_of("cat <<'EOF'\n" + text + "EOF"), text);
}

TEST_P(ShellProtocol, StopsALongCommandAtTheFirstError) {
    EXPECT_EQ(output_of("echo one; false; echo two #" + std::string(100'000, 'x')), "one\n");
}

TEST_P(ShellProtocol, LeavesNoFileOfALongCommand) {
    Exchange exchange(bash);
    exchange.send_command("ls -A /tmp #" + std::string(100'000, 'x'));
    exchange.wait_for_status();
    EXPECT_EQ(exchange.output.find(exchange.marker.substr(4)), std::string::npos);
}

TEST_P(ShellProtocol, LetsALongCommandListProcesses) {
    EXPECT_EQ(status_of("cat /proc/*/cmdline 2>&1 || true #" + std::string(100'000, 'x')), 0);
}

// As with a full or read-only disk: the control shell must not execute the text.
TEST_P(ShellProtocol, FailsALongCommandThatCannotBeStored) {
    Exchange exchange(bash);
    const std::filesystem::path in_the_way = "/tmp/." + exchange.marker.substr(4);
    std::filesystem::create_directory(in_the_way);
    exchange.send_command("echo text #" + std::string(100'000, 'x'));
    const int status = exchange.wait_for_status();
    std::filesystem::remove(in_the_way);
    EXPECT_EQ(exchange.output + std::to_string(status), "1");
}

TEST_P(ShellProtocol, GivesACommandItsInput) {
    Exchange exchange(bash);
    const auto input = std::string(1 << 20, 'x') + "\n\xFF'\0"s;
    bash.send(shell_run_with_input(exchange.marker, "cat", input));
    exchange.wait_for_status();
    EXPECT_EQ(exchange.output, input);
}

TEST_P(ShellProtocol, GivesACommandAnEmptyInput) {
    Exchange exchange(bash);
    bash.send(shell_run_with_input(exchange.marker, "cat; echo end", ""));
    exchange.wait_for_status();
    EXPECT_EQ(exchange.output, "end\n");
}

TEST_P(ShellProtocol, GoesOnAfterACommandThatLeavesItsInput) {
    Exchange exchange(bash);
    bash.send(shell_run_with_input(exchange.marker, "exit 3", std::string(1 << 20, '\n')));
    EXPECT_EQ(exchange.wait_for_status(), 3);
    EXPECT_EQ(output_of("echo text"), "text\n");
}

TEST_P(ShellProtocol, LeavesNoFileOfAnInput) {
    Exchange exchange(bash);
    bash.send(shell_run_with_input(exchange.marker, "ls -A /tmp", "input"));
    exchange.wait_for_status();
    EXPECT_EQ(exchange.output.find(exchange.marker.substr(4)), std::string::npos);
}

TEST_P(ShellProtocol, SaysThatAnInputCannotBeStored) {
    Exchange exchange(bash);
    const std::filesystem::path in_the_way = "/tmp/." + exchange.marker.substr(4);
    std::filesystem::create_directory(in_the_way);
    bash.send(shell_run_with_input(exchange.marker, "cat", "input"));
    const int status = exchange.wait_for_status();
    std::filesystem::remove(in_the_way);
    EXPECT_EQ(status, 1);
    EXPECT_EQ(exchange.output, "the guest cannot store 5 bytes in /tmp\n");
}

TEST_P(ShellProtocol, AppendsBytesToAFile) {
    EXPECT_NE(::mkdtemp(scratch.data()), nullptr);
    const auto file = scratch + "/it's";
    const auto bytes = std::string(1 << 20, 'x') + "\n\xFF'\0"s;
    EXPECT_EQ(store(file, bytes), 0);
    EXPECT_EQ(store(file, "end"), 0);
    EXPECT_EQ(output_of("cat \"" + file + '"'), bytes + "end");
}

TEST_P(ShellProtocol, MakesAFileForRootAlone) {
    EXPECT_NE(::mkdtemp(scratch.data()), nullptr);
    EXPECT_EQ(store(scratch + "/file", ""), 0);
    EXPECT_EQ(output_of("stat -c %a " + scratch + "/file"), "600\n");
}

TEST_P(ShellProtocol, PassesOverWhatItCannotStore) {
    EXPECT_EQ(store("/dev/full", std::string(1 << 20, '\n')), 1);
    EXPECT_EQ(store("/no/such/directory/file", std::string(1 << 20, 'x')), 1);
    EXPECT_EQ(output_of("echo text"), "text\n");
}

TEST_P(ShellProtocol, SaysWhyItCannotStore) {
    Exchange exchange(bash);
    bash.send(shell_store(exchange.marker, "/dev/full", "text"));
    exchange.wait_for_status();
    EXPECT_THAT(exchange.output, testing::HasSubstr("No space left on device"));
}

TEST_P(ShellProtocol, LetsACommandOfOursWriteToTheChannel) {
    Exchange exchange(bash);
    bash.send(shell_run_direct(exchange.marker, "echo text; exit 3"));
    EXPECT_EQ(exchange.wait_for_status(), 3);
    EXPECT_EQ(exchange.output, "text\n");
}

TEST_P(ShellProtocol, GivesStatusAndOutputOfASimpleCommand) {
    Exchange exchange(bash);
    bash.send(shell_run_simple(exchange.marker, "exec bash -c 'echo text; exit 3'"));
    EXPECT_EQ(exchange.wait_for_status(), 3);
    EXPECT_EQ(exchange.output, "text\n");
}

TEST_P(ShellProtocol, KeepsNothingOfASimpleCommand) {
    Exchange exchange(bash);
    bash.send(shell_run_simple(exchange.marker, "cd /; exec >&-; x=1; exit 4"));
    EXPECT_EQ(exchange.wait_for_status(), 4);
    EXPECT_EQ(output_of("pwd; echo ${x-unset}"), output_of("pwd") + "unset\n");
}

TEST_P(ShellProtocol, PassesASimpleCommandNoDescriptorsButTheStandardOnes) {
    Exchange exchange(bash);
    bash.send(shell_run_simple(exchange.marker, "exec ls /proc/self/fd"));
    exchange.wait_for_status();
    EXPECT_EQ(exchange.output, "0\n1\n2\n3\n"); // 3 is opened by ls itself
}

TEST_P(ShellProtocol, EndsACommandOfOursByASignal) {
    Exchange exchange(bash);
    bash.send(shell_run_direct(exchange.marker, "echo started; sleep 60"));
    EXPECT_TRUE(exchange.wait_for_output("started\n"));
    bash.send(shell_stop(new_marker()));
    EXPECT_EQ(exchange.wait_for_status(), 128 + SIGTERM);
}

TEST_P(ShellProtocol, WaitsWithThePiecesOfAPacedOutput) {
    Exchange exchange(bash);
    bash.send(shell_run_paced(exchange.marker, "head -c 150000 /dev/zero; exit 3"));
    EXPECT_TRUE(exchange.receive_until([&] { return exchange.output.size() == pace; }));
    EXPECT_FALSE(exchange.receive_until([&] { return exchange.output.size() > pace; },
                                        Deadline::after(100ms)));
    bash.send(shell_go_on(exchange.marker));
    EXPECT_TRUE(exchange.receive_until([&] { return exchange.output.size() == 2 * pace; }));
    bash.send(shell_go_on(exchange.marker));
    EXPECT_EQ(exchange.wait_for_status(), 3);
    EXPECT_EQ(exchange.output.size(), 150'000U);
}

TEST_P(ShellProtocol, EndsAPacedOutputWithAWholePiece) {
    Exchange exchange(bash);
    bash.send(shell_run_paced(exchange.marker, fmt::format("head -c {} /dev/zero", pace)));
    EXPECT_EQ(exchange.wait_for_status(), 0);
    bash.send(shell_go_on(exchange.marker)); // too late
    EXPECT_EQ(output_of("ls -A /tmp").find(exchange.marker.substr(4)), std::string::npos);
}

TEST_P(ShellProtocol, EndsAPacedOutputByASignal) {
    Exchange exchange(bash);
    bash.send(shell_run_paced(exchange.marker, "exec cat /dev/zero"));
    exchange.wait_for_output("\0"s);
    bash.send(shell_stop(new_marker()));
    EXPECT_NE(exchange.wait_for_status(), 0);
    EXPECT_EQ(output_of("ls -A /tmp").find(exchange.marker.substr(4)), std::string::npos);
}

TEST_P(ShellProtocol, IgnoresNoSignalInACommand) {
    EXPECT_EQ(output_of("grep SigIgn /proc/self/status"), no_signals);
}

TEST_P(ShellProtocol, IgnoresNoSignalAfterARestart) {
    restart();
    EXPECT_EQ(output_of("grep SigIgn /proc/self/status"), no_signals);
}

constexpr std::string_view list_descriptors =
    R"(for fd in /proc/$$/fd/*; do [[ ! -e $fd ]] || printf '%s ' "${fd##*/}"; done)";

TEST_P(ShellProtocol, PassesNoDescriptorsButTheStandardOnes) {
    EXPECT_EQ(output_of(list_descriptors), "0 1 2 ");
}

TEST_P(ShellProtocol, PassesNoDescriptorsButTheStandardOnesAfterARestart) {
    restart();
    EXPECT_EQ(output_of(list_descriptors), "0 1 2 ");
}

TEST_P(ShellProtocol, DetachesACommand) {
    auto fifo_fd = make_fifo();
    bash.send(shell_detach("echo it\\'s done >" + fifo()));
    EXPECT_EQ(line_of(std::move(fifo_fd)), "it's done\n");
}

TEST_P(ShellProtocol, TakesACommandWhileADetachedOneRuns) {
    bash.send(shell_detach("exec sleep 1000"));
    EXPECT_EQ(output_of("echo text"), "text\n");
}

TEST_P(ShellProtocol, IgnoresNoSignalInADetachedCommand) {
    auto fifo_fd = make_fifo();
    bash.send(shell_detach("grep SigIgn /proc/self/status >" + fifo()));
    EXPECT_EQ(line_of(std::move(fifo_fd)), no_signals);
}

TEST_P(ShellProtocol, PassesADetachedCommandNoDescriptorsButTheStandardOnes) {
    auto fifo_fd = make_fifo();
    bash.send(shell_detach("exec >" + fifo() + "; " + std::string(list_descriptors) + "; echo"));
    EXPECT_EQ(line_of(std::move(fifo_fd)), "0 1 2 \n");
}

TEST_P(ShellProtocol, EndsACommandByASignal) {
    Exchange exchange(bash);
    exchange.send_command("echo ready; exec sleep 1000");
    exchange.wait_for_output("ready");
    bash.send(shell_stop(new_marker()));
    EXPECT_EQ(exchange.wait_for_status(), 128 + SIGTERM);
}

TEST_P(ShellProtocol, TakesTheNextCommandAfterOneThatEndedBeforeItWasStopped) {
    status_of("true");
    Exchange stop(bash);
    bash.send(shell_stop(stop.marker));
    EXPECT_EQ(stop.wait_for_status(), 0);
    EXPECT_EQ(output_of("echo text"), "text\n");
}

TEST_P(ShellProtocol, SaysThatItHasStopped) {
    Exchange exchange(bash);
    exchange.send_command("trap '' TERM; echo ready; sleep 1000");
    exchange.wait_for_output("ready");
    Exchange stop(bash);
    bash.send(shell_stop(stop.marker));
    EXPECT_EQ(stop.wait_for_status(), 0);
    EXPECT_EQ(output_of("echo text"), "text\n");
}

TEST_P(ShellProtocol, RunsNothingOfWhatIsGivenUp) {
    auto fifo_fd = make_fifo();
    const auto command = "echo ran >" + fifo() + std::string(100'000, ' ');
    Exchange exchange(bash);
    auto text = shell_run(exchange.marker, command);
    text.behind = shell_given_up(exchange.marker);
    bash.send(text);
    EXPECT_EQ(exchange.wait_for_status(), 1);
    EXPECT_EQ(output_of("ls -A /tmp").find(exchange.marker.substr(4)), std::string::npos);
    bash.send(shell_detach("echo over >" + fifo()));
    EXPECT_EQ(line_of(std::move(fifo_fd)), "over\n");
}

TEST_P(ShellProtocol, PassesOverWhatIsGivenUpAndCannotBeStored) {
    Exchange exchange(bash);
    auto text = shell_store(exchange.marker, "/nowhere/file", "four");
    text.behind = shell_given_up(exchange.marker);
    bash.send(text);
    EXPECT_EQ(exchange.wait_for_status(), 1);
    EXPECT_EQ(output_of("echo text"), "text\n");
}

TEST_P(ShellProtocol, EndsWhatACommandHasStarted) {
    Exchange exchange(bash);
    exchange.send_command("(echo ready; exec sleep 1000) & wait || true; echo over");
    exchange.wait_for_output("ready");
    bash.send(shell_stop(new_marker()));
    EXPECT_EQ(exchange.wait_for_status(), 128 + SIGTERM);
}

TEST_P(ShellProtocol, GivesTheLastWordsOfASignalledCommand) {
    Exchange exchange(bash);
    exchange.send_command("trap 'echo bye; exit 3' TERM; echo ready; sleep 1000");
    exchange.wait_for_output("ready");
    bash.send(shell_stop(new_marker()));
    exchange.wait_for_status();
    EXPECT_EQ(exchange.output, "ready\nbye\n");
}

// The command has the same name as the process that copies the output.
TEST_P(ShellProtocol, GivesTheLastWordsOfACommandThatBecomesCat) {
    auto fifo_fd = make_fifo();
    Exchange exchange(bash);
    exchange.send_command("(trap 'echo bye; exit' TERM; while :; do sleep 0.01; done) & exec cat " +
                          fifo());
    EXPECT_EQ(::write(fifo_fd.get(), "ready\n", 6), 6);
    exchange.wait_for_output("ready");
    bash.send(shell_stop(new_marker()));
    exchange.wait_for_status();
    EXPECT_EQ(exchange.output, "ready\nbye\n");
}

TEST_P(ShellProtocol, TellsWhoHoldsTheOutput) {
    Exchange exchange(bash);
    exchange.send_command("sleep 1000 & echo $!");
    exchange.probe_until([&] { return !exchange.holders.empty(); });
    EXPECT_EQ(exchange.holders, exchange.output.substr(0, exchange.output.find('\n')) + " sleep");
}

TEST_P(ShellProtocol, TellsOfEveryHolder) {
    Exchange exchange(bash);
    exchange.send_command("sleep 1000 & tail -f /dev/null &");
    exchange.probe_until([&] { return exchange.holders.find(',') != std::string::npos; });
    EXPECT_THAT(exchange.holders, MatchesRegex("[0-9]+ (sleep|tail), [0-9]+ (sleep|tail)"));
}

TEST_P(ShellProtocol, TellsOfAHolderThatBecomesCat) {
    auto fifo_fd = make_fifo();
    Exchange exchange(bash);
    exchange.send_command("cat " + fifo() + " & true");
    exchange.probe_until([&] { return !exchange.holders.empty(); });
    EXPECT_THAT(exchange.holders, MatchesRegex("[0-9]+ cat"));
}

TEST_P(ShellProtocol, EndsWithTheLastHolder) {
    Exchange exchange(bash);
    exchange.send_command("sleep 1000 & exit 3");
    exchange.probe_until([&] { return !exchange.holders.empty(); });
    ::kill(std::stoi(exchange.holders), SIGKILL);
    EXPECT_EQ(exchange.wait_for_status(), 3);
}

TEST_P(ShellProtocol, TellsOfNoHolderWhileTheCommandRuns) {
    Exchange exchange(bash);
    exchange.send_command("echo ready; sleep 1000");
    exchange.wait_for_output("ready");
    bash.send(shell_probe(exchange.marker));
    bash.send(shell_ping(exchange.marker));
    EXPECT_TRUE(exchange.receive_until([&] { return exchange.decoder.frames() == 2; }));
    EXPECT_EQ(exchange.holders, "");
}

TEST_P(ShellProtocol, SaysThatTheWorkerRuns) {
    Exchange exchange(bash);
    exchange.send_command("echo ready; sleep 1000");
    exchange.wait_for_output("ready");
    bash.send(shell_ping(exchange.marker));
    EXPECT_TRUE(exchange.receive_until([&] { return exchange.decoder.frames() == 1; }));
    EXPECT_FALSE(exchange.decoder.worker_gone());
}

TEST_P(ShellProtocol, TellsThatTheWorkerIsGone) {
    Exchange exchange(bash);
    exchange.send_command("kill -KILL $PPID");
    exchange.probe_until([&] { return exchange.decoder.worker_gone(); });
}

TEST_P(ShellProtocol, GivesTheNextCommandANewWorker) {
    Exchange exchange(bash);
    exchange.send_command("kill -KILL $PPID");
    exchange.probe_until([&] { return exchange.decoder.worker_gone(); });
    Exchange next(bash);
    next.send_command("echo text");
    EXPECT_EQ(next.wait_for_status(), 0);
    EXPECT_THAT(next.output, EndsWith("text\n")); // after the answers to the probes
    EXPECT_TRUE(next.decoder.take_worker_is_new());
    EXPECT_FALSE(next.decoder.take_worker_is_new());
    EXPECT_EQ(output_of("echo more"), "more\n");
}

TEST_P(ShellProtocol, GivesADetachedCommandANewWorker) {
    Exchange exchange(bash);
    exchange.send_command("kill -KILL $PPID");
    exchange.probe_until([&] { return exchange.decoder.worker_gone(); });
    auto fifo_fd = make_fifo();
    bash.send(shell_detach("echo text >" + fifo()));
    EXPECT_EQ(line_of(std::move(fifo_fd)), "text\n");
    Exchange next(bash);
    next.send_command("echo text");
    EXPECT_EQ(next.wait_for_status(), 0);
    EXPECT_THAT(next.output, EndsWith("text\n")); // after the answers to the probes
    EXPECT_TRUE(next.decoder.take_worker_is_new());
}

TEST_P(ShellProtocol, LetsADetachedCommandEndItsParent) {
    auto fifo_fd = make_fifo();
    bash.send(shell_detach("kill -KILL $PPID; echo done >" + fifo()));
    Exchange exchange(bash);
    exchange.send_command("read -r line <" + fifo() + "; echo $line; echo text");
    EXPECT_EQ(exchange.wait_for_status(), 0);
    EXPECT_EQ(exchange.output, "done\ntext\n");
    EXPECT_FALSE(exchange.decoder.take_worker_is_new());
}

TEST_P(ShellProtocol, RestartsAWorkerThatIsGone) {
    Exchange exchange(bash);
    exchange.send_command("kill -KILL $PPID");
    exchange.probe_until([&] { return exchange.decoder.worker_gone(); });
    restart();
    EXPECT_EQ(output_of("echo text"), "text\n");
}

// Its processes live on. Their output must not become output of the next command.
TEST_P(ShellProtocol, EndsByARestartTheOutputOfAWorkerThatIsGone) {
    Exchange exchange(bash);
    exchange.send_command("kill -KILL $PPID; trap '' PIPE; while :; do echo old; sleep 0.01; done");
    exchange.wait_for_output("old");
    exchange.probe_until([&] { return exchange.decoder.worker_gone(); });
    restart();
    EXPECT_EQ(output_of("sleep 0.1; echo new"), "new\n");
}

TEST_P(ShellProtocol, EndsByARestartWhatIgnoresSignals) {
    auto fifo_fd = make_fifo_for(O_RDONLY);
    Exchange exchange(bash);
    exchange.send_command("trap '' TERM; exec 5>" + fifo() + "; echo ready; sleep 1000");
    exchange.wait_for_output("ready");
    restart();
    EXPECT_EQ(line_of(std::move(fifo_fd)), "");
}

TEST_P(ShellProtocol, RestartsAWorkerThatIsIdle) {
    EXPECT_EQ(restart(), 0);
}

TEST(ShellPort, IsNotUsedIfNothingComesOverIt) {
    LocalBash bash(Way::port);
    bash.close_port();
    EXPECT_EQ(bash.set_up(), 0);
    Exchange exchange(bash);
    exchange.send_command("echo text");
    EXPECT_EQ(exchange.wait_for_status(), 0);
    EXPECT_EQ(exchange.output, "text\n");
}

TEST(NewShell, SaysThatItIsNew) {
    LocalBash bash(Way::line);
    Exchange exchange(bash);
    bash.send(shell_ping(exchange.marker));
    EXPECT_TRUE(exchange.receive_until([&] { return exchange.decoder.shell_is_new(); }));
}

INSTANTIATE_TEST_SUITE_P(Over,
                         ShellProtocol,
                         testing::Values(Way::line, Way::port),
                         [](const testing::TestParamInfo<Way>& way) {
                             return way.param == Way::line ? "Line" : "Port";
                         });

} // namespace

} // namespace ntd::proto
