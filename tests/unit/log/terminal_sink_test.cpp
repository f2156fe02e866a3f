#include <ntd/log/terminal_sink.h>

#include "events.h"
#include "test_file.h"

#include <fcntl.h>
#include <poll.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <regex>
#include <thread>

namespace ntd::log {

namespace {

class TerminalSinkTest : public testing::Test {
protected:
    // The output for these events after a flush.
    std::string shown(TerminalOptions options, const std::vector<Event>& events) {
        TerminalSink sink(capture.fd(), options);
        for (const Event& each : events)
            sink.write(each);
        sink.flush();
        return text_behind(sink);
    }
    std::string text_behind(TerminalSink& sink) const {
        sink.settle(0);
        return capture.text();
    }
    std::string shown(const std::vector<Event>& events) { return shown({}, events); }
    std::string coloured(const Event& only) { return shown({.colour = true}, {only}); }

    Capture capture;
};

TEST_F(TerminalSinkTest, ShowsALineAsItIs) {
    EXPECT_EQ(shown({event(Line{Level::info, "start all VLans"})}), "start all VLans\n");
}

TEST_F(TerminalSinkTest, PrefixesALineWithItsMachine) {
    EXPECT_EQ(shown({event("web", Line{Level::info, "starting vm"})}), "web: starting vm\n");
}

TEST_F(TerminalSinkTest, MarksTheFurtherLinesOfARemark) {
    EXPECT_EQ(shown({event("web", Line{Level::info, "one\n  two\n"})}),
              "web: one\nweb |   two\n\n");
}

TEST_F(TerminalSinkTest, MarksTheFurtherLinesOfARemarkAboutNoMachine) {
    EXPECT_EQ(shown({event(Line{Level::info, "one\n!!! two\n\nthree"})}),
              "one\n| !!! two\n| \n| three\n");
}

TEST_F(TerminalSinkTest, MarksTheFurtherLinesOfScopes) {
    EXPECT_EQ(shown({event("web", nested(1, "a\nb")), event("web", nested_end(1, "a\nb", 1))}),
              "web: a\nweb | b\nweb: (finished: a\nweb | b, in 1.00 seconds)\n");
}

TEST_F(TerminalSinkTest, MarksAllLinesOfWhatIsGivenAsSerial) {
    EXPECT_EQ(shown({event("web", Serial{"one\ntwo"})}), "web # one\nweb # two\n");
}

TEST_F(TerminalSinkTest, MarksARemarkThatLooksLikeAFailure) {
    EXPECT_EQ(shown({event(Line{Level::info, "!!! MachineError: no"})}),
              "| !!! MachineError: no\n");
}

TEST_F(TerminalSinkTest, MarksARemarkThatLooksLikeACommandOfGitHub) {
    EXPECT_EQ(shown({event(Line{Level::info, "::error::no"}),
                     event(Line{Level::info, " \xC2\xA0\xE3\x80\x80::error::no"})}),
              "| ::error::no\n|  \xC2\xA0\xE3\x80\x80::error::no\n");
}

TEST_F(TerminalSinkTest, MarksWhatLooksLikeAFailureBehindItsColour) {
    EXPECT_EQ(coloured(event(Line{Level::info, "\x1b[31m!!! no"})), "| \x1b[31m!!! no\x1b[0m\n");
}

TEST_F(TerminalSinkTest, BreaksCommandsOfCiSystemsAnywhereInALine) {
    EXPECT_EQ(shown({event("web", Serial{"a ###[error]b"}), event(TestError{"##vso[task.x]y"}),
                     event(Line{Level::info, "##teamcity[x]"})}),
              "web # a ##\\x23[error]b\n!!! #\\x23vso[task.x]y\n#\\x23teamcity[x]\n");
}

TEST_F(TerminalSinkTest, KeepsHashesThatAreNoCommands) {
    EXPECT_EQ(shown({event("web", Serial{"## [a] ##1[ # ##"})}), "web # ## [a] ##1[ # ##\n");
}

TEST_F(TerminalSinkTest, ShowsTheEscapesOfSectionsOfGitLab) {
    EXPECT_EQ(shown({event(Line{Level::info, "\x1b[0Ksection_start:1:x\r\x1b[0K"})}),
              "\\x1b[0Ksection_start:1:x\\x0d\\x1b[0K\n");
}

TEST_F(TerminalSinkTest, ShowsControlCharactersOfAllWords) {
    const std::string title = "\x1b]0;x\x07";
    const std::string seen = "\\x1b]0;x\\x07";
    EXPECT_EQ(shown({event("web", Line{Level::info, title}), event("web", nested(1, title)),
                     event(subtest(2, title)), event("web", Output{title + "\n"}),
                     event(TestError{title}), event("web" + title, Serial{"x"})}),
              "web: " + seen + "\nweb: " + seen + "\nsubtest: " + seen + "\nweb > " + seen +
                  "\n!!! " + seen + "\nweb" + seen + " # x\n");
}

TEST_F(TerminalSinkTest, KeepsColoursOfWordsWhereThereAreColours) {
    EXPECT_EQ(coloured(event("web", Serial{"\x1b[32mOK\x1b[0m\x1b[2J"})),
              "\x1b[2mweb # \x1b[32mOK\x1b[0m\\x1b[2J\x1b[0m\n");
}

TEST_F(TerminalSinkTest, ResetsTheColoursOfEachLine) {
    EXPECT_EQ(coloured(event("web", Line{Level::info, "\x1b[31ma\nb"})),
              "web: \x1b[31ma\x1b[0m\nweb | b\n");
}

TEST_F(TerminalSinkTest, DropsLinesBelowItsLevel) {
    EXPECT_EQ(shown({event(Line{Level::debug, "detail"}), event(Line{Level::info, "news"})}),
              "news\n");
}

TEST_F(TerminalSinkTest, ShowsDebugLinesIfAsked) {
    EXPECT_EQ(shown({.level = Level::debug}, {event(Line{Level::debug, "detail"})}), "detail\n");
}

TEST_F(TerminalSinkTest, WritesToTheLineEditorWhileThereIsOne) {
    TerminalSink sink(capture.fd());
    const Capture editor;
    sink.redirect(editor.fd());
    sink.write(event(Line{Level::info, "one"}));
    sink.redirect(-1);
    sink.write(event(Line{Level::info, "two"}));
    EXPECT_EQ(editor.text(), "one\n");
    EXPECT_EQ(text_behind(sink), "two\n");
}

TEST_F(TerminalSinkTest, WritesItsLastLinesToTheTerminal) {
    TerminalSink sink(capture.fd());
    const Capture editor;
    sink.redirect(editor.fd());
    sink.prepare_for_end();
    sink.write(event(Line{Level::info, "the end"}));
    sink.flush();
    EXPECT_EQ(text_behind(sink), "the end\n");
}

TEST_F(TerminalSinkTest, ChangesItsLevelOnTheWay) {
    TerminalSink sink(capture.fd());
    sink.set_level(Level::error);
    sink.write(event(Line{Level::warning, "odd"}));
    EXPECT_EQ(text_behind(sink), "");
}

TEST_F(TerminalSinkTest, ShowsTheBeginAndTheEndOfAScope) {
    EXPECT_EQ(
        shown({event("machine", nested(1, "waiting for the VM to finish booting")),
               event("machine", nested_end(1, "waiting for the VM to finish booting", 17.349))}),
        "machine: waiting for the VM to finish booting\n"
        "machine: (finished: waiting for the VM to finish booting, in 17.35 seconds)\n");
}

TEST_F(TerminalSinkTest, ShowsTheBeginAndTheEndOfASubtest) {
    EXPECT_EQ(shown({event(subtest(1, "it works")), event(subtest_end(1, "it works", 0.05))}),
              "subtest: it works\n"
              "(finished: subtest: it works, in 0.05 seconds)\n");
}

TEST_F(TerminalSinkTest, ShowsScopesAtEveryLevel) {
    EXPECT_EQ(shown({.level = Level::error}, {event(nested(1, "cleanup"))}), "cleanup\n");
}

TEST_F(TerminalSinkTest, PrefixesSerialLinesWithTheMachine) {
    EXPECT_EQ(shown({event("web", Serial{"login:"})}), "web # login:\n");
}

TEST_F(TerminalSinkTest, CleansSerialLines) {
    EXPECT_EQ(shown({event("web", Serial{"\x1b[32mOK\x1b[0m \xFF"})}), "web # OK \xEF\xBF\xBD\n");
}

TEST_F(TerminalSinkTest, KeepsEmptySerialLines) {
    EXPECT_EQ(shown({event("web", Serial{""})}), "web # \n");
}

TEST_F(TerminalSinkTest, DropsSerialLinesIfAsked) {
    EXPECT_EQ(shown({.serial = false}, {event("web", Serial{"login:"})}), "");
}

TEST_F(TerminalSinkTest, DropsTheSerialLinesOfOneMachine) {
    TerminalSink sink(capture.fd());
    sink.set_serial("web", false);
    sink.write(event("web", Serial{"hidden"}));
    sink.write(event("db", Serial{"shown"}));
    sink.drain();
    EXPECT_EQ(text_behind(sink), "db # shown\n");
}

TEST_F(TerminalSinkTest, ShowsTheSerialLinesOfOneMachineOnly) {
    TerminalSink sink(capture.fd(), {.serial = false});
    sink.set_serial("web", true);
    sink.write(event("web", Serial{"shown"}));
    sink.write(event("db", Serial{"hidden"}));
    sink.drain();
    EXPECT_EQ(text_behind(sink), "web # shown\n");
}

TEST_F(TerminalSinkTest, ForgetsTheChoiceForOneMachineOnANewOneForAll) {
    TerminalSink sink(capture.fd());
    sink.set_serial("web", false);
    sink.set_serial(true);
    sink.write(event("web", Serial{"shown"}));
    sink.drain();
    EXPECT_EQ(text_behind(sink), "web # shown\n");
}

TEST_F(TerminalSinkTest, GathersSerialLines) {
    TerminalSink sink(capture.fd());
    sink.write(event("web", Serial{"login:"}));
    EXPECT_EQ(text_behind(sink), "");
}

TEST_F(TerminalSinkTest, ShowsGatheredSerialLinesBeforeTheNextEvent) {
    TerminalSink sink(capture.fd());
    sink.write(event("web", Serial{"login:"}));
    sink.write(event(Line{Level::info, "news"}));
    EXPECT_EQ(text_behind(sink), "web # login:\nnews\n");
}

TEST_F(TerminalSinkTest, GathersNoMoreThanABuffer) {
    TerminalSink sink(capture.fd());
    sink.write(event("web", Serial{std::string(100'000, 'x')}));
    EXPECT_EQ(text_behind(sink).size(), 100'007U);
}

TEST_F(TerminalSinkTest, ShowsWholeLinesOfOutputAtOnce) {
    TerminalSink sink(capture.fd());
    sink.write(event("web", Output{"one\ntwo\nha"}));
    EXPECT_EQ(text_behind(sink), "web > one\nweb > two\n");
}

TEST_F(TerminalSinkTest, JoinsOutputFromItsPieces) {
    EXPECT_EQ(shown({event("web", Output{"ha"}), event("web", Output{"lf\n"})}), "web > half\n");
}

TEST_F(TerminalSinkTest, KeepsTheOutputsOfMachinesApart) {
    EXPECT_EQ(shown({event("web", Output{"o"}), event("db", Output{"two\n"}),
                     event("web", Output{"ne\n"})}),
              "db > two\nweb > one\n");
}

TEST_F(TerminalSinkTest, CleansOutput) {
    EXPECT_EQ(shown({event("web", Output{"\x1b[2J\rclean\r\n"})}), "web > \\x1b[2J\\x0dclean\n");
}

TEST_F(TerminalSinkTest, LeavesHalfALineOfOutputWhenDrained) {
    TerminalSink sink(capture.fd());
    sink.write(event("web", Output{"half"}));
    sink.drain();
    EXPECT_EQ(text_behind(sink), "");
}

TEST_F(TerminalSinkTest, ShowsHalfALineOfOutputWhenFlushed) {
    EXPECT_EQ(shown({event("web", Output{"half"})}), "web > half\n");
}

TEST_F(TerminalSinkTest, ShowsHalfALineOfOutputBeforeTheEndOfItsCommand) {
    EXPECT_EQ(
        shown({event("web", Output{"half"}), event("web", nested_end(1, "must succeed: x", 1))}),
        "web > half\nweb: (finished: must succeed: x, in 1.00 seconds)\n");
}

TEST_F(TerminalSinkTest, ShowsHalfALineOfOutputBeforeTheEndOfItsSubtest) {
    EXPECT_EQ(shown({event("web", Output{"half"}), event(subtest_end(1, "one", 1))}),
              "web > half\n(finished: subtest: one, in 1.00 seconds)\n");
}

TEST_F(TerminalSinkTest, MarksEachLineOfATestError) {
    EXPECT_EQ(shown({event(TestError{"Traceback:\n  line 1\n\nError: no\n"})}),
              "!!! Traceback:\n!!!   line 1\n!!! \n!!! Error: no\n");
}

TEST_F(TerminalSinkTest, ShowsATestErrorAtEveryLevel) {
    EXPECT_EQ(shown({.level = Level::error}, {event(TestError{"no"})}), "!!! no\n");
}

TEST_F(TerminalSinkTest, ShowsTheDetailsOfATestErrorBelowIt) {
    EXPECT_EQ(shown({event(TestError{.text = "no", .details = "at line 3\nof it"})}),
              "!!! no\n!!! ---\n!!! at line 3\n!!! of it\n");
}

TEST_F(TerminalSinkTest, BeginsEachLineWithItsTimeIfAskedTo) {
    auto late = event("web", Line{Level::info, "a\nb"});
    late.at = std::chrono::steady_clock::now();
    auto console = event("web", Serial{"login:"});
    console.at = late.at;
    const auto text = shown({.timestamps = true}, {late, console});
    const std::string time = R"(\[ +-?\d\.\d{3}\] )";
    EXPECT_TRUE(std::regex_match(text, std::regex(time + "web: a\n" + time + R"(web \| b)" + "\n" +
                                                  time + "web # login:\n")))
        << text;
}

TEST_F(TerminalSinkTest, PaintsHeadingsBoldGreen) {
    EXPECT_EQ(coloured(event("web", nested(1, "waiting"))), "\x1b[1;32mweb: waiting\x1b[0m\n");
}

TEST_F(TerminalSinkTest, PaintsSerialLinesDim) {
    EXPECT_EQ(coloured(event("web", Serial{"login:"})), "\x1b[2mweb # login:\x1b[0m\n");
}

TEST_F(TerminalSinkTest, PaintsOutputDim) {
    EXPECT_EQ(coloured(event("web", Output{"one\n"})), "\x1b[2mweb > one\x1b[0m\n");
}

TEST_F(TerminalSinkTest, PaintsWarningsYellow) {
    EXPECT_EQ(coloured(event(Line{Level::warning, "odd"})), "\x1b[1;33modd\x1b[0m\n");
}

TEST_F(TerminalSinkTest, PaintsErrorsRed) {
    EXPECT_EQ(coloured(event(Line{Level::error, "bad"})), "\x1b[31mbad\x1b[0m\n");
}

TEST_F(TerminalSinkTest, PaintsTestErrorsRed) {
    EXPECT_EQ(coloured(event(TestError{"no"})), "\x1b[1;31m!!! no\x1b[0m\n");
}

TEST_F(TerminalSinkTest, LeavesOrdinaryLinesPlain) {
    EXPECT_EQ(coloured(event(Line{Level::info, "news"})), "news\n");
}

TEST_F(TerminalSinkTest, MayBeSetWhileOthersWrite) {
    TerminalSink sink(capture.fd());
    {
        const std::jthread setter([&] { sink.set_serial("web", true); });
        sink.write(event("web", Serial{"login:"}));
    }
    sink.drain();
    EXPECT_EQ(text_behind(sink), "web # login:\n");
}

TEST(TerminalSink, LosesNothingOnAPipeThatDoesNotBlock) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    UniqueFd write_end(ends[1]);
    std::size_t arrived = 0;
    std::jthread reader([&arrived, read_end = UniqueFd(ends[0])] {
        std::array<char, 4096> part;
        pollfd ready{read_end.get(), POLLIN, 0};
        for (ssize_t count = 1; count != 0; count = ::read(ready.fd, part.data(), part.size())) {
            arrived += count > 1 ? static_cast<std::size_t>(count) : 0;
            ::poll(&ready, 1, -1);
        }
    });
    TerminalSink(write_end.get()).write(event(Line{Level::info, std::string(999'999, 'x')}));
    write_end.reset();
    reader.join();
    EXPECT_EQ(arrived, 1'000'000U);
}

TEST(TerminalSink, FallsSilentWhenItsReaderIsGone) {
    std::signal(SIGPIPE, SIG_IGN); // as the program does
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ::close(ends[0]);
    const UniqueFd write_end(ends[1]);
    TerminalSink sink(write_end.get());
    sink.write(event(Line{Level::info, "unheard"}));
    sink.settle(0);
    const Capture later;
    ASSERT_EQ(::dup2(later.fd(), write_end.get()), write_end.get());
    sink.write(event(Line{Level::info, "never tried"}));
    sink.settle(0);
    EXPECT_EQ(later.text(), "");
}

TEST(TerminalSink, WantsNoColourInAFile) {
    EXPECT_FALSE(TerminalSink::wants_colour(Capture().fd()));
}

// A terminal to query. Restores the environment afterwards.
class TerminalColourTest : public testing::Test {
protected:
    TerminalColourTest() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        ::unlockpt(master_.get());
        terminal.reset(::open(::ptsname(master_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
        ::unsetenv("NO_COLOR");
        ::setenv("TERM", "xterm", 1);
    }
    ~TerminalColourTest() override {
        ::unsetenv("NO_COLOR");
        ::unsetenv("TERM");
    }

    UniqueFd terminal;

private:
    UniqueFd master_;
};

TEST_F(TerminalColourTest, IsWantedOnATerminal) {
    EXPECT_TRUE(TerminalSink::wants_colour(terminal.get()));
}

TEST_F(TerminalColourTest, IsNotWantedByAUserWhoSaysSo) {
    ::setenv("NO_COLOR", "1", 1);
    EXPECT_FALSE(TerminalSink::wants_colour(terminal.get()));
}

TEST_F(TerminalColourTest, IsWantedIfTheRefusalIsEmpty) {
    ::setenv("NO_COLOR", "", 1);
    EXPECT_TRUE(TerminalSink::wants_colour(terminal.get()));
}

TEST_F(TerminalColourTest, IsNotWantedOnADumbTerminal) {
    ::setenv("TERM", "dumb", 1);
    EXPECT_FALSE(TerminalSink::wants_colour(terminal.get()));
}

} // namespace

} // namespace ntd::log
