#ifndef CMD_KINDS_H
#define CMD_KINDS_H
/*
 * Tells conf, which may not know prov, the kinds and vendors that exist. Every
 * main that loads a configuration calls it first.
 */
void kinds_install(void);

#endif
