#include <ntd/log/join_documents.h>

#include "test_file.h"

namespace ntd::log {

namespace {

class JoinDocumentsTest : public testing::Test {
protected:
    std::string joined(std::string_view first, std::string_view second) const {
        std::ofstream(earlier) << first;
        std::ofstream(later) << second;
        joins = join_documents(earlier, later);
        return contents(later);
    }

    TestDirectory directory;
    std::filesystem::path earlier = directory.file("log.xml");
    std::filesystem::path later = directory.file("log.xml.run");
    mutable bool joins = false;
};

constexpr std::string_view declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

std::string document(std::string_view content) {
    return std::string(declaration) + "<logfile>" + std::string(content) + "</logfile>\n";
}

TEST_F(JoinDocumentsTest, PutsTheEarlierInFront) {
    EXPECT_EQ(joined(document("<line>a</line>"), document("<line>b</line><line>c</line>")),
              document("<line>a</line><line>b</line><line>c</line>"));
}

TEST_F(JoinDocumentsTest, LeavesTheEarlierAsItIs) {
    joined(document("<line>a</line>"), document("<line>b</line>"));
    EXPECT_EQ(contents(earlier), document("<line>a</line>"));
}

TEST_F(JoinDocumentsTest, KeepsWhatIsInElements) {
    const std::string content = "<nest><head machine=\"a&#10;&quot;b\">&lt;&amp;</head>"
                                "<line> </line><line></line><line>  x\n\ty \n</line></nest>\n";
    EXPECT_EQ(joined(document(content), document(content)), document(content + content));
}

TEST_F(JoinDocumentsTest, ClosesWhatAKilledProcessLeftOpen) {
    const std::string cut = std::string(declaration) + "<logfile><nest><line>b</line><line>c";
    EXPECT_EQ(joined(document("<line>a</line>"), cut),
              document("<line>a</line><nest><line>b</line><line>c</line></nest>"));
}

TEST_F(JoinDocumentsTest, RefusesADocumentWithoutARoot) {
    EXPECT_EQ(joined(document("<line>a</line>"), declaration), declaration);
    EXPECT_FALSE(joins);
}

TEST_F(JoinDocumentsTest, RefusesWhatIsNotThere) {
    EXPECT_FALSE(join_documents(earlier, later));
}

} // namespace

} // namespace ntd::log
