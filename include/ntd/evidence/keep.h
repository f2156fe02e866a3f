#pragma once

namespace ntd::evidence {

// For which runs evidence is kept.
enum class Keep { never, failure, always };

} // namespace ntd::evidence
