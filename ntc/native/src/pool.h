// A pool of threads that run the blocks of one job at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace ntc {

inline constexpr int kMaxThreads = 256;

class Pool {
 public:
  // The pool of this process. Threads do not survive a fork, so a child gets a new pool; a fork during a job
  // is safe for the child as well, whose copy of that job is simply gone. Never destroyed: its threads sleep
  // until the process ends.
  static Pool& shared();

  // Calls work(index, thread) once for each index in [0, count), on up to `threads` threads (the caller is
  // thread 0; threads <= 0 means all processors). Which thread runs which index varies: results must depend
  // on the index alone. Jobs of several callers run one after the other. Rethrows the first exception.
  template <class Work>
  void run(int64_t count, int threads, Work&& work) {
    using Plain = std::remove_reference_t<Work>;
    const Call call = [](void* context, int64_t index, int thread) {
      (*static_cast<Plain*>(context))(index, thread);
    };
    run_call(count, threads, call, const_cast<std::remove_const_t<Plain>*>(&work));
  }

 private:
  using Call = void (*)(void* context, int64_t index, int thread);

  void run_call(int64_t count, int threads, Call call, void* context);
  void grow(int threads);
  void serve(int thread);
  void work_off(int thread);

  std::mutex one_job_;
  std::vector<std::thread> threads_;

  // The current job. `ticket_` changes with every job; its low bits are the number of threads that take part,
  // so that a thread which wakes late cannot mistake one job for another.
  std::atomic<uint32_t> ticket_{0};
  std::atomic<int> unfinished_{0};
  std::atomic<int64_t> next_{0};
  int64_t count_ = 0;
  Call call_ = nullptr;
  void* context_ = nullptr;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
};

// The number of threads that `threads` asks for, where 0 or less asks for one for each processor.
int thread_count(int threads);

}  // namespace ntc
