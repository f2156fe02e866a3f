#include <ntd/log/log.h>

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace ntd::log {

namespace {

class Recorder final : public LogSink {
public:
    explicit Recorder(std::vector<Event>& events) : events_(events) {}
    void write(const Event& event) noexcept override { events_.push_back(event); }
    void flush() noexcept override {}

private:
    std::vector<Event>& events_;
};

class LogTest : public testing::Test {
protected:
    LogTest() { log.add_sink(std::make_unique<Recorder>(events)); }

    template <typename What>
    const What& what(std::size_t i) const {
        return std::get<What>(events.at(i).what);
    }

    std::vector<Event> events;
    Log log;
};

TEST_F(LogTest, KnowsWhatEachThreadIsDoing) {
    EXPECT_FALSE(log.here());
    const Scope outer(log, ScopeKind::subtest, "", "both");
    {
        set_script_line(12);
        const Scope inner(log, ScopeKind::nested, "web", "waiting for a file");
        std::jthread([&] {
            const Scope other(log, ScopeKind::nested, "db", "must succeed: true");
            ASSERT_EQ(log.open_scopes().size(), 2U);
            EXPECT_EQ(log.open_scopes().at(0).text, "waiting for a file");
            EXPECT_EQ(log.open_scopes().at(0).line, 12);
            EXPECT_EQ(log.open_scopes().at(1).machine, "db");
            EXPECT_EQ(log.open_scopes().at(1).line, 0);
        }).join();
    }
    set_script_line(0);
    ASSERT_EQ(log.open_scopes().size(), 1U);
    EXPECT_EQ(log.open_scopes().at(0).text, "subtest: both");
}

TEST_F(LogTest, DescribesAWait) {
    const Scope scope(log, ScopeKind::nested, "web", "waiting for a file");
    EXPECT_EQ(described(*log.here()), "waiting for a file");
    log.looked("there is no such file");
    EXPECT_EQ(described(*log.here()), "waiting for a file; looked 1 time; there is no such file");
    log.looked("it is empty");
    EXPECT_EQ(described(*log.here()), "waiting for a file; looked 2 times; it is empty");
}

TEST_F(LogTest, IgnoresLooksOutsideOfScopes) {
    log.looked("nothing");
    EXPECT_FALSE(log.here());
}

TEST_F(LogTest, GivesEachEventToEverySink) {
    std::vector<Event> others;
    log.add_sink(std::make_unique<Recorder>(others));
    log.info("hello");
    EXPECT_EQ(events.size() + others.size(), 2U);
}

TEST_F(LogTest, NamesTheMachine) {
    log.serial("web", "login:");
    EXPECT_EQ(events.at(0).machine, "web");
}

TEST_F(LogTest, PutsNoScopeAroundTheFirstEvent) {
    log.info("hello");
    EXPECT_EQ(events.at(0).parent, 0U);
}

TEST_F(LogTest, PutsAScopeAroundWhatHappensInIt) {
    const Scope scope(log, ScopeKind::nested, "web", "waiting");
    log.info("hello");
    EXPECT_EQ(events.at(1).parent, what<ScopeBegin>(0).id);
}

TEST_F(LogTest, PutsAScopeAroundTheScopesInIt) {
    const Scope outer(log, ScopeKind::subtest, "", "outer");
    const Scope inner(log, ScopeKind::nested, "web", "inner");
    EXPECT_EQ(events.at(1).parent, what<ScopeBegin>(0).id);
}

TEST_F(LogTest, ReturnsToTheOuterScope) {
    const Scope outer(log, ScopeKind::nested, "", "outer");
    { const Scope inner(log, ScopeKind::nested, "", "inner"); }
    log.info("hello");
    EXPECT_EQ(events.at(3).parent, what<ScopeBegin>(0).id);
}

TEST_F(LogTest, EndsAScopeWithTheIdOfItsBegin) {
    { const Scope scope(log, ScopeKind::nested, "web", "waiting"); }
    EXPECT_EQ(what<ScopeEnd>(1).id, what<ScopeBegin>(0).id);
}

TEST_F(LogTest, EndsAScopeOnce) {
    {
        Scope scope(log, ScopeKind::nested, "web", "waiting");
        scope.end();
    }
    EXPECT_EQ(events.size(), 2U);
}

TEST_F(LogTest, EndsAScopeWithoutFailure) {
    { const Scope scope(log, ScopeKind::subtest, "", "works"); }
    EXPECT_EQ(what<ScopeEnd>(1).failure, std::nullopt);
}

TEST_F(LogTest, TakesAnExceptionForTheFailureOfTheScope) {
    try {
        const Scope scope(log, ScopeKind::subtest, "", "fails");
        throw std::runtime_error("oops");
    } catch (const std::runtime_error&) {
        EXPECT_TRUE(what<ScopeEnd>(1).failure.has_value());
    }
}

TEST_F(LogTest, KeepsTheFailureThatItIsTold) {
    Scope scope(log, ScopeKind::subtest, "", "fails");
    scope.end("oops");
    EXPECT_EQ(what<ScopeEnd>(1).failure, "oops");
}

} // namespace

} // namespace ntd::log
