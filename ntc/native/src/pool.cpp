#include "pool.h"

#include <algorithm>

#ifndef _WIN32
#include <unistd.h>
#endif
#ifdef __linux__
#include <sched.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace ntc {
namespace {

constexpr uint32_t kThreadBits = 12;  // of a ticket: more than kMaxThreads
constexpr int kSpins = 2000;          // tens of microseconds: the gap between two jobs of a fit step

int64_t process() {
#ifdef _WIN32
  return 0;
#else
  return getpid();
#endif
}

// Those that this process may run on: a container may leave it a few of many.
int processors() {
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

void relax() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#endif
}

// Returns once `value` differs from `old`: spins for a moment, then sleeps.
template <class T>
void wait_for_change(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; i++) {
    if (value.load(std::memory_order_acquire) != old) return;
    relax();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

int thread_count(int threads) {
  if (threads <= 0) threads = processors();
  return std::clamp(threads, 1, kMaxThreads);
}

Pool& Pool::shared() {
  struct Owned {
    Pool pool;
    const int64_t owner = process();
  };
  // No mutex: another thread might hold it during a fork, and the child would wait for ever.
  static std::atomic<Owned*> current{nullptr};
  Owned* owned = current.load(std::memory_order_acquire);
  if (!owned || owned->owner != process()) {
    // After a fork the old one has no threads, and its locks may be held: it is left as it is.
    Owned* fresh = new Owned;
    if (current.compare_exchange_strong(owned, fresh)) return fresh->pool;
    delete fresh;  // `owned` is now the one that another thread made
  }
  return owned->pool;
}

void Pool::run_call(int64_t count, int threads, Call call, void* context) {
  const int taking_part = static_cast<int>(std::min<int64_t>(thread_count(threads), count));
  if (taking_part <= 1) {
    for (int64_t i = 0; i < count; i++) call(context, i, 0);
    return;
  }
  const std::lock_guard lock(one_job_);
  grow(taking_part);
  count_ = count;
  call_ = call;
  context_ = context;
  failure_ = nullptr;
  next_.store(0, std::memory_order_relaxed);
  unfinished_.store(taking_part - 1, std::memory_order_relaxed);
  const uint32_t serial = (ticket_.load(std::memory_order_relaxed) >> kThreadBits) + 1;
  // Sequentially consistent: a notification looks whether anybody waits, and must not do so before the store
  // is visible. With a release store, libstdc++ 12 lost a wake-up about once in a million jobs.
  ticket_.store(serial << kThreadBits | static_cast<uint32_t>(taking_part), std::memory_order_seq_cst);
  ticket_.notify_all();
  work_off(0);
  for (int left; (left = unfinished_.load(std::memory_order_acquire)) != 0;) {
    wait_for_change(unfinished_, left);
  }
  if (failure_) std::rethrow_exception(failure_);
}

void Pool::grow(int threads) {
  while (static_cast<int>(threads_.size()) < threads - 1) {
    const int thread = static_cast<int>(threads_.size()) + 1;
    threads_.emplace_back([this, thread] { serve(thread); });
  }
}

void Pool::serve(int thread) {
  uint32_t seen = 0;
  for (;;) {
    wait_for_change(ticket_, seen);
    seen = ticket_.load(std::memory_order_acquire);
    if (thread >= static_cast<int>(seen & ((1u << kThreadBits) - 1))) continue;
    work_off(thread);
    if (unfinished_.fetch_sub(1, std::memory_order_seq_cst) == 1) unfinished_.notify_one();
  }
}

void Pool::work_off(int thread) {
  try {
    for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) call_(context_, i, thread);
  } catch (...) {
    const std::lock_guard lock(failure_mutex_);
    if (!failure_) failure_ = std::current_exception();
    next_.store(count_, std::memory_order_relaxed);
  }
}

}  // namespace ntc
