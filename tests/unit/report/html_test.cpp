#include "html.h"

#include <gtest/gtest.h>

namespace ntd::report {

namespace {

TEST(Html, EscapesWhatHasAMeaning) {
    EXPECT_EQ(html("<script>'&\"</script>"), "&lt;script&gt;&#39;&amp;&quot;&lt;/script&gt;");
    EXPECT_EQ(html("]]></style>"), "]]&gt;&lt;/style&gt;");
}

TEST(Html, ShowsControlCharacters) {
    EXPECT_EQ(html(std::string_view("a\0b\x07", 4)), "a\\x00b\\x07");
    EXPECT_EQ(html("a\xE2\x80\xAE!"), "a\\u202e!");
    EXPECT_EQ(html("\xff"), "\xEF\xBF\xBD");
}

TEST(Html, RemovesColours) {
    EXPECT_EQ(html("\x1b[1;31mred\x1b[0m"), "red");
}

TEST(Html, KeepsLines) {
    EXPECT_EQ(html("a\r\n\tb\n"), "a\n\tb\n");
}

TEST(Base64, EncodesAnyLength) {
    EXPECT_EQ(base64(""), "");
    EXPECT_EQ(base64("f"), "Zg==");
    EXPECT_EQ(base64("fo"), "Zm8=");
    EXPECT_EQ(base64("foo"), "Zm9v");
    EXPECT_EQ(base64("\xff\xfe\xfd\xfc"), "//79/A==");
}

TEST(UrlOf, EscapesWhatIsSpecialInUrls) {
    EXPECT_EQ(url_of("../web/a b#1.log"), "../web/a%20b%231.log");
    EXPECT_EQ(url_of("javascript:x"), "javascript%3Ax");
}

TEST(Duration, IsShort) {
    EXPECT_EQ(duration(0.256), "0.26 s");
    EXPECT_EQ(duration(12.34), "12.3 s");
    EXPECT_EQ(duration(185.4), "3 min 05 s");
    EXPECT_EQ(duration(-1), "0.00 s");
}

} // namespace

} // namespace ntd::report
