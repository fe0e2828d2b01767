// number.c - decimal numbers to doubles and back, exactly as strtod() and printf("%.17g") would, several times as fast.
//
// A number of at most 19 digits and a power of ten up to 10^27 are exact in the 64-bit significand of an 80-bit long
// double, so one product or quotient is rounded once; rounding it again to 53 bits can only go wrong when it lies
// halfway between two doubles, which is seen in its low bits. (W. D. Clinger, How to read floating point numbers
// accurately, PLDI 1990, with wider arithmetic.) Such numbers, longer ones and machines without that format take the C
// library's way. Not affected by the locale as long as the program keeps LC_NUMERIC at "C".
#include "io_impl.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_POWER 27 // 5^27 < 2^64

static const long double power_of_ten[MAX_POWER + 1] = {1e0L, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L, 1e6L, 1e7L, 1e8L, 1e9L,
  1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L,
  1e27L};

// value * 10^power, |power| <= 2 MAX_POWER: at most two roundings.
static long double Scale(long double value, int power)
{
  if (power > MAX_POWER) return value * power_of_ten[MAX_POWER] * power_of_ten[power - MAX_POWER];
  if (power >= 0) return value * power_of_ten[power];
  if (power >= -MAX_POWER) return value / power_of_ten[-power];
  return value / power_of_ten[MAX_POWER] / power_of_ten[-power - MAX_POWER];
}

const char *SnaNumberParse(const char text[], double *value)
{
  const char *at       = text;
  const int   negative = *at == '-';
  uint64_t    digits   = 0;
  int         ndigits = 0, any = 0, exponent = 0, exact = 1;

  if (*at == '-' || *at == '+') at++;
  for (int fraction = 0;; at++) {
    if (*at >= '0' && *at <= '9') {
      any = 1;
      if (ndigits < 19) {
        digits = 10 * digits + (uint64_t)(*at - '0');
        ndigits += digits > 0;
        exponent -= fraction;
      } else {
        exact = 0;
        exponent += 1 - fraction;
      }
    } else if (*at == '.' && !fraction)
      fraction = 1;
    else
      break;
  }
  if (!any) return NULL;
  if (*at == 'e' || *at == 'E') {
    int power = 0, minus;

    at++;
    minus = *at == '-';
    if (*at == '-' || *at == '+') at++;
    if (*at < '0' || *at > '9') return NULL;
    for (; *at >= '0' && *at <= '9'; at++) {
      if (power < 100000) power = 10 * power + (*at - '0');
    }
    exponent += minus ? -power : power;
  }
  if (exact && !digits)
    *value = negative ? -0.0 : 0.0;
  else {
    double magnitude = 0;
    int    done      = 0;

#if LDBL_MANT_DIG == 64
    if (exact && exponent >= -MAX_POWER && exponent <= MAX_POWER) {
      const long double scaled = Scale((long double)digits, exponent);
      uint64_t          significand;

      memcpy(&significand, &scaled, sizeof(significand));
      if ((significand & 0x7ff) != 0x400) { // not halfway between two doubles
        magnitude = (double)scaled;
        done      = 1;
      }
    }
#endif
    *value = done ? (negative ? -magnitude : magnitude) : strtod(text, NULL);
  }
  return at;
}

// The 17 significant digits of a positive value as an integer in [10^16, 10^17), value = digits * 10^(*exponent - 16).
// 0: not decided here.
static uint64_t SeventeenDigits(double value, int *exponent)
{
#if LDBL_MANT_DIG == 64
  int e = (int)floor(ilogb(value) * 0.30102999566398120), shifted;

  for (shifted = 0; shifted < 3; shifted++) {
    long double scaled, rest;
    uint64_t    digits;

    if (16 - e > 2 * MAX_POWER || 16 - e < -2 * MAX_POWER) return 0;
    scaled = Scale((long double)value, 16 - e);
    if (scaled >= 1e17L)
      e++;
    else if (scaled < 1e16L)
      e--;
    else {
      digits = (uint64_t)scaled;
      rest   = scaled - (long double)digits; // known to 1e17 * 2^-63 = 0.011
      if (rest > 0.48L && rest < 0.52L) return 0;
      if (rest > 0.5L) digits++;
      if (digits == 100000000000000000u) {
        digits /= 10;
        e++;
      }
      *exponent = e;
      return digits;
    }
  }
#else
  (void)value;
  (void)exponent;
#endif
  return 0;
}

// value = 0.d1 d2 ... dn * 10^(exponent + 1) as "%.17g" would lay it out.
static int LayOut(double value, uint64_t digits, int n, int exponent, char text[32])
{
  char  digit[17];
  char *to = text;

  for (int i = n - 1; i >= 0; i--) {
    digit[i] = (char)('0' + digits % 10);
    digits /= 10;
  }
  while (n > 1 && digit[n - 1] == '0') n--;
  if (value < 0) *to++ = '-';
  if (exponent < -4 || exponent >= 17) { // d.ddde+xx
    *to++ = digit[0];
    if (n > 1) *to++ = '.';
    for (int i = 1; i < n; i++) *to++ = digit[i];
    return (int)(to - text) + snprintf(to, 6, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
  }
  if (exponent < 0) { // 0.000ddd
    *to++ = '0';
    *to++ = '.';
    for (int i = -1; i > exponent; i--) *to++ = '0';
  }
  for (int i = 0; i < n; i++) {
    *to++ = digit[i];
    if (i == exponent && i < n - 1) *to++ = '.';
  }
  for (int i = n; i <= exponent; i++) *to++ = '0';
  return (int)(to - text);
}

int SnaNumberFormat(double value, char text[32])
{
  int            exponent;
  const uint64_t digits = isfinite(value) && value != 0 ? SeventeenDigits(fabs(value), &exponent) : 0;

  return digits ? LayOut(value, digits, 17, exponent, text) : snprintf(text, 32, "%.17g", value);
}

// Fifteen digits are enough for what was once written with as many, sixteen for many others. A double is within 1.2e-16 of a decimal number that it stands
// for, so the seventeen digits of the first kind end near 00.
int SnaNumberFormatShort(double value, char text[32])
{
  int            exponent;
  const uint64_t digits = isfinite(value) && value != 0 ? SeventeenDigits(fabs(value), &exponent) : 0;

  if (!digits) {
    double back = value;
    int    n    = 0;

    for (int precision = 15; precision <= 17; precision++) {
      n = snprintf(text, 32, "%.*g", precision, value);
      if (!SnaNumberParse(text, &back) || back == value) break;
    }
    return n;
  }
  for (int n = 15; n < 17; n++) {
    const uint64_t unit = n == 15 ? 100 : 10, top = n == 15 ? 1000000000000000u : 10000000000000000u;
    uint64_t       rounded = (digits + unit / 2) / unit;
    const int      carry = rounded == top, at = exponent + carry;
    double         back = 0;
    int            length;

    if (n == 15 && digits % 100 > 13 && digits % 100 < 87) continue;
    if (carry) rounded /= 10;
    length       = LayOut(value, rounded, n, at, text);
    text[length] = 0;
    if (SnaNumberParse(text, &back) && back == value) return length;
  }
  return LayOut(value, digits, 17, exponent, text);
}
