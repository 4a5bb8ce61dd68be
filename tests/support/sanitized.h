#pragma once
// Whether this program was built with a sanitizer. There everything takes five to twenty times as
// long and repeating finds little more: a test repeats itself less often, over the same paths.

namespace support {

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool kThreadSanitized = true;
#else
constexpr bool kThreadSanitized = false;
#endif
#else
constexpr bool kThreadSanitized = false;
#endif

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = kThreadSanitized;
#endif
#else
constexpr bool kSanitized = kThreadSanitized;
#endif

}  // namespace support
