#pragma once
// Whether this program was built with a sanitizer. There everything takes five to twenty times as
// long and repeating finds little more: a test repeats itself less often, over the same paths.

#ifndef __has_feature  // clang's way to say it
#define __has_feature(feature) 0
#endif

namespace support {

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
constexpr bool kThreadSanitized = true;
#else
constexpr bool kThreadSanitized = false;
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = kThreadSanitized;
#endif

}  // namespace support
