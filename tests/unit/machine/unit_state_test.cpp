#include <ntd/machine/unit_state.h>

#include <gtest/gtest.h>

namespace ntd::machine {

namespace {

TEST(ReasonInProperties, NoSuchUnit) {
    EXPECT_EQ(reason_in(UnitProperties{{"LoadState", "not-found"}, {"ActiveState", "inactive"}}),
              "there is no such unit");
}

TEST(ReasonInProperties, Masked) {
    EXPECT_EQ(reason_in(UnitProperties{{"LoadState", "masked"}}), "it is masked");
}

TEST(ReasonInProperties, FileThatCannotBeUsed) {
    EXPECT_EQ(
        reason_in(UnitProperties{{"LoadState", "bad-setting"}, {"LoadError", "no ExecStart"}}),
        "its file cannot be used (no ExecStart)");
}

TEST(ReasonInProperties, FailureWithExitStatus) {
    EXPECT_EQ(reason_in(UnitProperties{{"LoadState", "loaded"},
                                       {"ActiveState", "failed"},
                                       {"Result", "exit-code"},
                                       {"ExecMainCode", "1"},
                                       {"ExecMainStatus", "3"}}),
              "its result is \"exit-code\": its main process exited with status 3");
}

TEST(ReasonInProperties, FailureWithSignal) {
    EXPECT_EQ(reason_in(UnitProperties{{"ActiveState", "failed"},
                                       {"Result", "core-dump"},
                                       {"ExecMainCode", "3"},
                                       {"ExecMainStatus", "11"}}),
              "its result is \"core-dump\": its main process was killed by signal 11");
}

TEST(ReasonInProperties, FailureBeforeTheMainProcess) {
    EXPECT_EQ(reason_in(UnitProperties{{"ActiveState", "failed"},
                                       {"Result", "exit-code"},
                                       {"ExecMainCode", "0"},
                                       {"ExecMainStatus", "0"}}),
              "its result is \"exit-code\"");
}

TEST(ReasonInProperties, ConditionThatWasLookedAt) {
    EXPECT_EQ(reason_in(UnitProperties{{"ActiveState", "inactive"},
                                       {"ConditionResult", "no"},
                                       {"ConditionTimestampMonotonic", "7"}}),
              "its condition was not met");
}

TEST(ReasonInProperties, ConditionThatNobodyHasLookedAt) {
    EXPECT_EQ(reason_in(UnitProperties{{"ActiveState", "inactive"},
                                       {"ConditionResult", "no"},
                                       {"ConditionTimestampMonotonic", "0"}}),
              "");
}

TEST(ReasonInProperties, OneshotThatEndedWell) {
    EXPECT_EQ(reason_in(UnitProperties{{"ActiveState", "inactive"},
                                       {"Type", "oneshot"},
                                       {"RemainAfterExit", "no"},
                                       {"InactiveEnterTimestampMonotonic", "9"}}),
              "it has run and ended well (a oneshot without RemainAfterExit)");
}

TEST(ReasonInProperties, ServiceThatWasStopped) {
    EXPECT_EQ(reason_in(UnitProperties{{"ActiveState", "inactive"},
                                       {"ExecMainCode", "2"},
                                       {"ExecMainStatus", "15"},
                                       {"InactiveEnterTimestampMonotonic", "9"}}),
              "it has been stopped (its main process was ended by signal 15)");
}

TEST(ReasonInJournal, IsInWordsOfEachRelease) {
    const UnitProperties none;
    EXPECT_EQ(reason_in("a.service was skipped because of an unmet condition check (X=/y).", none),
              "its condition was not met");
    EXPECT_EQ(reason_in("Condition check resulted in a.service being skipped.", none),
              "its condition was not met");
    EXPECT_EQ(reason_in("Assertion failed for a.service.", none),
              "what its file asserts does not hold");
    EXPECT_EQ(reason_in("Dependency failed for a.service.", none),
              "a unit that it needs has failed");
}

TEST(ReasonInJournal, OneshotThatEndedWell) {
    EXPECT_EQ(reason_in("Finished a.service.", {{"Type", "oneshot"}, {"RemainAfterExit", "no"}}),
              "it has run and ended well (a oneshot without RemainAfterExit)");
}

TEST(ReasonInJournal, MayBeNone) {
    EXPECT_EQ(reason_in("Reloading.", {}), "");
    EXPECT_EQ(reason_in("", {}), "");
}

TEST(NearestUnit, HasLettersSwapped) {
    EXPECT_EQ(nearest_unit("ngnix.service", {"nfs.service", "nginx.service", "nix.service"}),
              "nginx.service");
}

TEST(NearestUnit, MayBeOfAnotherKind) {
    EXPECT_EQ(nearest_unit("network-online.service", {"networkd.service", "network-online.target"}),
              "network-online.target");
}

TEST(NearestUnit, IsAServiceWithoutASuffix) {
    EXPECT_EQ(nearest_unit("postgres", {"postfix.service", "postgresql.service"}),
              "postgresql.service");
}

TEST(NearestUnit, MayBeNone) {
    EXPECT_EQ(nearest_unit("cups.service", {"postgresql.service", "sshd.service"}), "");
    EXPECT_EQ(nearest_unit(std::string(100000, 'x'), {"x.service"}), "");
}

} // namespace

} // namespace ntd::machine
