#define NTC_IMPLEMENTATION
#include <ntc.h>
