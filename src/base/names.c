// names.c - "did you mean": the known name nearest to a misspelt one, by Levenshtein's edit distance.
#include <sna/base.h>

#include <ctype.h>
#include <string.h>

// Levenshtein's distance, blind to case; -1 for names too long to be typing errors of one another.
static int EditDistance(const char a[], const char b[])
{
  enum { LONGEST = 64 };
  int          row[LONGEST + 1];
  const size_t na = strlen(a), nb = strlen(b);

  if (na > LONGEST || nb > LONGEST) return -1;
  for (size_t j = 0; j <= nb; j++) row[j] = (int)j;
  for (size_t i = 1; i <= na; i++) {
    int diagonal = row[0];

    row[0] = (int)i;
    for (size_t j = 1; j <= nb; j++) {
      const int above = row[j];
      int       best  = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));

      if (above + 1 < best) best = above + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      row[j]   = best;
      diagonal = above;
    }
  }
  return row[nb];
}

const char *SnaNearestName(const char name[], int n, const char *const names[])
{
  const int   length  = (int)PetscMin(strlen(name), (size_t)1000);
  const int   limit   = PetscMin(PetscMax(2, length / 3), length - 1);
  int         best    = limit + 1;
  const char *nearest = NULL;

  for (int i = 0; i < n; i++) {
    const int distance = EditDistance(name, names[i]);

    if (distance >= 0 && distance < best) {
      best    = distance;
      nearest = names[i];
    }
  }
  return nearest;
}
