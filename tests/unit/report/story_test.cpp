#include "record_reader.h"

#include "report_files.h"

#include <ntd/base/error.h>

namespace ntd::report {

namespace {

class StoryTest : public ReportFiles {
protected:
    Story story(const std::string& lines) {
        write(record, lines);
        return read_record(record);
    }
};

TEST_F(StoryTest, KnowsTheRun) {
    const auto run = story(R"({"kind":"run","version":"1","time":"T","script":"a\nb",)"
                           R"("script_name":"smoke","machines":[{"name":"web","kind":"qemu"}]})"
                           "\n");
    EXPECT_EQ(run.script, "a\nb");
    EXPECT_EQ(run.script_name, "smoke");
    EXPECT_EQ(run.machines.at(0).name, "web");
}

TEST_F(StoryTest, KeepsLessOfEachConsoleOfManyMachines) {
    const std::string web = R"({"name":"web"})";
    const auto left_out = [&](const std::string& machines) {
        std::string lines = R"({"kind":"run","machines":[)" + machines + "]}\n";
        for (int i = 0; i < 3000; ++i)
            lines +=
                R"({"machine":"web","kind":"serial","text":")" + std::string(2000, 'x') + "\"}\n";
        return story(lines).machine("web").console.left_out();
    };
    EXPECT_EQ(left_out(web), 0U);
    std::string many = web;
    for (int i = 0; i < 40; ++i)
        many += "," + web;
    EXPECT_GT(left_out(many), 0U);
}

TEST_F(StoryTest, NestsScopes) {
    const auto run = story(R"({"at":1,"kind":"begin","id":1,"text":"outer"}
{"at":2,"scope":1,"kind":"begin","id":2,"text":"inner"}
{"at":3,"scope":2,"kind":"message","level":"info","text":"hello"}
{"at":4,"scope":1,"kind":"end","id":2,"took":2}
{"at":5,"kind":"end","id":1,"took":4}
)");
    const Step& outer = *run.root().inner.at(0);
    const Step& inner = *outer.inner.at(0);
    EXPECT_EQ(outer.text, "outer");
    EXPECT_EQ(outer.took, 4);
    EXPECT_EQ(inner.inner.at(0)->text, "hello");
    EXPECT_EQ(run.end, 5);
}

TEST_F(StoryTest, DoesNotNestWithoutLimit) {
    std::string lines;
    for (int i = 1; i < 2000; ++i)
        lines += fmt::format(R"({{"scope":{},"kind":"begin","id":{},"text":"x"}})"
                             "\n",
                             i - 1, i);
    const auto run = story(lines);
    EXPECT_LT(run.steps.back().depth, 50);
    EXPECT_EQ(run.steps.size(), 2000U);
}

TEST_F(StoryTest, ToleratesADamagedEnd) {
    const auto run = story("{\"kind\":\"message\",\"text\":\"a\"}\n{\"kind\":\"mess");
    EXPECT_EQ(run.root().inner.size(), 1U);
    EXPECT_EQ(run.damaged_lines, 1U);
}

TEST_F(StoryTest, PassesOverLinesThatMakeNoSense) {
    const auto run = story("[]\n{\"kind\":7}\n\n{\"kind\":\"serial\",\"text\":[]}\n\xff\n"
                           "{\"at\":\"x\",\"kind\":\"begin\"}\n{\"kind\":\"new\"}\n");
    EXPECT_EQ(run.damaged_lines, 6U);
    EXPECT_TRUE(run.root().inner.empty());
}

TEST_F(StoryTest, ShowsARepeatedCommandOnce) {
    const auto run = story(R"({"at":1,"machine":"web","kind":"command","text":"a","took":0.5}
{"at":2,"machine":"web","kind":"command","text":"a","took":0.5}
{"at":3,"machine":"web","kind":"command","text":"a","took":0.5}
{"at":4,"machine":"web","kind":"command","text":"a","status":1}
)");
    ASSERT_EQ(run.root().inner.size(), 2U);
    EXPECT_EQ(run.root().inner[0]->times, 3U);
    EXPECT_EQ(run.root().inner[0]->at, 0.5);
    EXPECT_EQ(run.root().inner[0]->end(), 3);
}

TEST_F(StoryTest, ShowsTheOutputOfACommandOnce) {
    const auto run = story(R"({"machine":"web","kind":"output","text":"a\n"}
{"machine":"web","kind":"output","text":"b\n"}
{"machine":"web","kind":"command","text":"x","output":"a\nb\n"}
)");
    ASSERT_EQ(run.root().inner.size(), 1U);
    EXPECT_EQ(run.root().inner[0]->output, "a\nb\n");
}

TEST_F(StoryTest, JoinsOutput) {
    const auto run = story(R"({"machine":"web","kind":"output","text":"a"}
{"machine":"web","kind":"output","text":"b"}
)");
    EXPECT_EQ(run.root().inner.at(0)->text, "ab");
}

TEST_F(StoryTest, KnowsWhenMachinesWereUp) {
    const auto run = story(R"({"at":1,"machine":"web","kind":"life","what":"started"}
{"at":2,"machine":"web","kind":"life","what":"up"}
{"at":3,"machine":"web","kind":"life","what":"reset"}
{"at":4,"machine":"web","kind":"life","what":"ended"}
)");
    const auto& phases = run.machines.at(0).phases;
    ASSERT_EQ(phases.size(), 2U);
    EXPECT_EQ(phases[0].up, 2);
    EXPECT_EQ(phases[0].ended, 3);
    EXPECT_EQ(phases[1].started, 3);
    EXPECT_FALSE(phases[1].up);
    EXPECT_EQ(phases[1].ended, 4);
}

TEST_F(StoryTest, ForgetsTheFirstStepsIfThereAreTooMany) {
    std::string lines;
    const std::string text(60000, 'x');
    for (int i = 0; i < 1000; ++i)
        lines += "{\"kind\":\"message\",\"text\":\"" + text + "\"}\n";
    const auto run = story(lines);
    EXPECT_TRUE(run.root().inner.front()->forgotten);
    EXPECT_FALSE(run.root().inner.back()->forgotten);
    EXPECT_GT(run.root().forgotten_inner, 100U);
}

TEST_F(StoryTest, TheInnermostFailureIsTheCulprit) {
    const auto run = story(R"({"kind":"begin","id":1,"text":"outer"}
{"scope":1,"kind":"begin","id":2,"text":"inner"}
{"kind":"end","id":2,"failure":"bad"}
{"kind":"end","id":1,"failure":"bad"}
{"kind":"error","text":"Traceback"}
)");
    ASSERT_NE(run.culprit(0), nullptr);
    EXPECT_EQ(run.culprit(0)->text, "inner");
}

TEST_F(StoryTest, AFailureThatTheScriptExpectedIsNotTheCulprit) {
    const auto run = story(R"({"kind":"begin","id":1,"text":"outer","line":1}
{"scope":1,"kind":"begin","id":2,"text":"expected","line":2}
{"kind":"end","id":2,"failure":"bad"}
{"kind":"end","id":1}
{"kind":"begin","id":3,"text":"expected, too","line":3}
{"kind":"end","id":3,"failure":"bad"}
{"kind":"error","text":"Traceback"}
)");
    ASSERT_NE(run.culprit(4), nullptr);
    EXPECT_EQ(run.culprit(4)->kind, Kind::error);
}

TEST_F(StoryTest, AStepThatDidNotEndIsTheCulprit) {
    const auto run = story(R"({"kind":"begin","id":1,"text":"outer"}
{"scope":1,"kind":"begin","id":2,"text":"stuck"}
)");
    ASSERT_NE(run.culprit(0), nullptr);
    EXPECT_EQ(run.culprit(0)->text, "stuck");
}

TEST_F(StoryTest, NeedsARecord) {
    EXPECT_THROW(read_record(directory / "none"), SystemError);
}

} // namespace

} // namespace ntd::report
