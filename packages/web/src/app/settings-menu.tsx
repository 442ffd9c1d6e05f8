import { useState } from 'react';
import { SettingsIcon } from '../controls/icons.tsx';
import { Menu, MenuChoice, MenuHeading, MenuItem, MenuLine } from '../controls/menu.tsx';
import { useText } from '../text/text.tsx';
import { isAdministrator, isSignedIn, signOut } from './account.ts';
import { notify } from './notices.ts';
import { LANGUAGE_CHOICES, THEMES, useLanguage, useTheme } from './preferences.ts';

export function SettingsMenu() {
  const { text } = useText();
  const [theme, setTheme] = useTheme();
  const [language, setLanguage] = useLanguage();
  const [isAdmin, setAdmin] = useState(false);
  return (
    <Menu
      align="start"
      side="top"
      onOpenChange={(isOpen) => {
        if (isOpen) void isAdministrator().then(setAdmin);
      }}
      trigger={
        <button
          type="button"
          className="flex h-9 items-center gap-2.5 rounded-lg px-2.5 text-sm text-muted hover:bg-hover hover:text-ink"
        >
          <SettingsIcon /> {text.settings.label}
        </button>
      }
    >
      <MenuHeading>{text.settings.theme}</MenuHeading>
      <MenuChoice
        label={text.settings.theme}
        value={theme}
        onChoose={setTheme}
        options={THEMES.map((value) => ({ value, content: text.settings.themes[value] }))}
      />
      <MenuLine />
      <MenuHeading>{text.settings.language}</MenuHeading>
      <MenuChoice
        label={text.settings.language}
        value={language}
        onChoose={setLanguage}
        options={LANGUAGE_CHOICES.map((value) => ({
          value,
          content: text.settings.languages[value],
        }))}
      />
      {isAdmin && (
        <>
          <MenuLine />
          <MenuItem asChild>
            <a href="/monitor">{text.settings.monitor}</a>
          </MenuItem>
        </>
      )}
      {isSignedIn() && (
        <>
          <MenuLine />
          <MenuItem
            onSelect={() => {
              signOut().then(
                () => location.assign('/'),
                () =>
                  notify({
                    id: 'sign-out',
                    words: ({ account }) => account.signOutFailed,
                    tone: 'problem',
                  }),
              );
            }}
          >
            {text.account.signOut}
          </MenuItem>
        </>
      )}
    </Menu>
  );
}
